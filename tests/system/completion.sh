#!/usr/bin/env bash
# SPDX-License-Identifier: ISC
#
# What the shells propose when Tab is pressed: patctl's words, and the tokens, services and columns that
# there are.

# shellcheck source=SCRIPTDIR/../lib/world.sh
. "$(dirname "$0")/../lib/world.sh"
world_enter "$@"
world_furnish
patd_start
give alice ci && FIRST=$ID
give alice 'Zoë, küche'
give alice gone && GONE=$ID
as alice patctl revoke gone -q
cp -r "$SRC/etc/completions" "$W/completions"
C=$W/completions

# completed LINE: the words that the shell has after Tab.
bash_completed() {
	as alice TERM=dumb "$LIB/complete.exp" "$1" "PS1='> '; . $C/patctl.bash" bash --norc --noprofile -i
}

zsh_completed() {
	as alice TERM=dumb "$LIB/complete.exp" "$1" \
		"PS1='> '; fpath=($C \$fpath); autoload -Uz compinit; compinit -u -D; bindkey -e" zsh -f -i
}

# fish tells what it would propose, with a note behind each.
fish_completed() {
	as alice fish --no-config -c "source $C/patctl.fish; complete -C '$1'" | cut -f1 |
		while read -r word; do printf '<%s>' "${1% *} $word"; done | sed 's/\([^=]\) /\1></g'
}

words() {
	local word
	for word; do printf '<%s>' "$word"; done
}

for shell in bash zsh fish; do
	if ! command -v $shell >/dev/null; then
		skip "$shell completes patctl's words" "needs $shell"
		continue
	fi
	completed=${shell}_completed
	is "$shell completes a command" "$($completed 'patctl susp')" "$(words patctl suspend)"
	is "$shell completes an option" "$($completed 'patctl create x --desc')" \
		"$(words patctl create x --description)"
	is "$shell completes an id" "$($completed "patctl show ${FIRST:0:4}")" "$(words patctl show "$FIRST")"
	unlike "$shell completes none that has ended" "$($completed "patctl show ${GONE:0:4}")" "$GONE"
	is "$shell completes a service" "$($completed 'patctl create x -s logi')" \
		"$(words patctl create x -s login)"
	is "$shell completes a list of services" "$($completed 'patctl create x -s sudo,logi')" \
		"$(words patctl create x -s sudo,login)"
	unlike "$shell completes no service that no token opens" \
		"$($completed 'patctl create x -s passw')" passwd
	unlike "$shell completes no part of a stack" "$($completed 'patctl create x -s common-au')" common-auth
	is "$shell completes a group of services" "$($completed 'patctl create x -s sudo,@rem')" \
		"$(words patctl create x -s sudo,@remote)"
	is "$shell completes a column" "$($completed 'patctl list --sort desc')" \
		"$(words patctl list --sort description)"
	is "$shell completes a list of columns" "$($completed 'patctl list --columns=id,desc')" \
		"$(words patctl list --columns=id,description)"
done
for shell in bash zsh; do
	command -v $shell >/dev/null || continue
	is "$shell completes a name, and quotes it" "$(${shell}_completed 'patctl revoke ci Zo')" \
		"$(words patctl revoke ci 'Zoë, küche')"
done

# Every command and option that there is.
for file in patctl.bash _patctl patctl.fish; do
	missing=
	for command in $(patctl --help | awk '/^  [a-z]/ { print $1 }'); do
		grep -qw -- "$command" "$C/$file" || missing+=" $command"
		for option in $(patctl "$command" --help | grep -oE -- '--[a-z-]+' | sort -u); do
			grep -qE -- "(--|-l )${option#--}\b" "$C/$file" || missing+=" $command $option"
		done
	done
	is "$file knows every command and option" "$missing" ''
done

if command -v shellcheck >/dev/null; then
	ok 'patctl.bash is right' shellcheck "$C/patctl.bash"
else
	skip 'patctl.bash is right' 'needs shellcheck'
fi

patd_stop
run as alice bash -c ". $C/patctl.bash; COMP_WORDS=(patctl show C) COMP_CWORD=2 COMP_LINE='patctl show C'; _patctl"
is 'without patd, there is nothing to propose, and nothing to say' "$rc$out$err" 0

end
