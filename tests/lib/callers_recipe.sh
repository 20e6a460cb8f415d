# SPDX-License-Identifier: ISC
# shellcheck shell=bash
#
# The recipes of pat(7), for suites that try them: as they are printed there.

PAGE=$SRC/man/pat.7

# recipe NAME: the text of a recipe, as a reader of the page sees it.
recipe() {
	echo "$1" >>"$W/taken"
	awk -v name="$1" '
		BEGIN { print ".Dd January 1, 2000\n.Dt X 7\n.Os\n.Sh X" }
		$0 == ".\\\" recipe " name { found = 1; next }
		found { print }
		found && /^\.Ed/ { exit }' "$PAGE" |
		mandoc -T ascii | sed -e 's/.\x08//g' -e '1,/^X$/d' -e '$d' |
		awk '
			!/^ *$/ && !margin { match($0, /^ */); margin = RLENGTH + 1 }
			margin { print substr($0, margin) }' |
		sed -e :a -e '/^\n*$/{$d;N;ba' -e '}'
}

# recipe_file NAME PATH MODE OWNER: a recipe that is a file.
recipe_file() {
	install -D -m "$3" -o "$4" -g "$4" /dev/null "$2" && recipe "$1" >"$2"
}
