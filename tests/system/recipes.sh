#!/usr/bin/env bash
# SPDX-License-Identifier: ISC
#
# The recipes of pat(7): each is taken from the page as it is printed, and run, with the real
# programs. The parts in tests/recipes/ do that, one after the other, in one world; what is for servers
# other than nginx is tried in tests/callers/.

# shellcheck source=SCRIPTDIR/../lib/world.sh
. "$(dirname "$0")/../lib/world.sh"
world_enter "$@"

# shellcheck source=SCRIPTDIR/../lib/callers_recipe.sh
. "$SRC/tests/lib/callers_recipe.sh"
command -v mandoc >/dev/null || skip_all 'needs mandoc'

# recipe_run USER NAME [VARIABLE=VALUE...]: types the commands of a recipe, at home.
recipe_run() {
	local user=$1 name=$2
	shift 2
	script_of "$name" || return
	run as "$user" env -C "$(home_of "$user")" "$@" timeout 60 bash "$W/typed/$name" </dev/null
}

# recipe_asked USER NAME: the same on a terminal, where the user gives their password when asked.
recipe_asked() {
	script_of "$2" || return
	run as "$1" env -C "$(home_of "$1")" timeout 60 "$LIB/pty.exp" bash "$W/typed/$2" \
		<<<"${PASSWORD[$1]}"
}

script_of() {
	install -D -m 644 /dev/null "$W/typed/$1"
	{
		echo 'set -e -o pipefail'
		recipe "$1" | sed 's/^[$#] //'
	} >"$W/typed/$1"
}

home_of() {
	getent passwd "$1" | cut -d: -f6
}

# printed NAME: the recipe stands like this in the whole page, too.
printed() {
	/usr/bin/python3 -c '
import sys
page, recipe = ([line.strip() for line in open(path) if line.strip()] for path in sys.argv[1:])
sys.exit(not any(page[at:at + len(recipe)] == recipe for at in range(len(page))))' \
		"$W/page" <(recipe "$1")
}

world_furnish
mandoc -T ascii "$PAGE" | sed 's/.\x08//g' >"$W/page"
patd_start
sshd_start
echo '127.0.0.1 host.example' >>/etc/hosts

for part in mint ssh sudo systemd ansible nginx rotation leaks; do
	# shellcheck source=/dev/null
	. "$SRC/tests/recipes/$part.sh"
done

# --- nothing is printed that was not tried, here or with other servers in tests/callers/

grep -hv '^#' "$SRC"/tests/callers/*.sh | grep -oE '\brecipe(_file)? [a-z_.-]+' | cut -d' ' -f2 >>"$W/taken"

sed -n 's/^\.\\" recipe //p' "$PAGE" >"$W/names"
is 'each literal block of the page is a recipe' "$(wc -l <"$W/names")" \
	"$(grep -c '^\.Bd -literal' "$PAGE")"
is 'each recipe was tried' "$(sort -u "$W/taken")" "$(sort "$W/names")"
while read -r name; do
	ok "$name: what was tried is what is printed" printed "$name"
done <"$W/names"

end
