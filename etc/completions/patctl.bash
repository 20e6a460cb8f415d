# SPDX-License-Identifier: ISC
# shellcheck shell=bash
#
# patctl(1) for bash.

# One line for each live token: its id, and its name behind a blank. No password is asked for.
_patctl_tokens() {
	patctl list --no-legend -q -o id,name "$@" 2>/dev/null </dev/null
}

# The names of groups of services, each with its @.
_patctl_groups() {
	patctl policy --no-legend -q "${as[@]}" 2>/dev/null </dev/null | sed -n 's/^\(@[^ ]*\) .*/\1/p'
}

# The services: not those that no token opens, nor the files that are only parts of others, or left over.
_patctl_services() {
	printf '%s\n' /etc/pam.d/* | sed 's|.*/||' | grep -vE '^(other|patd|passwd|chpasswd|chfn|chsh|chage|user(add|mod|del)|(common|password|fingerprint|smartcard)-.*|system-auth.*|postlogin|.*(~|\.(bak|old|orig|new|(dpkg|ucf|rpm).*)))$'
}

# _patctl_words WORD...: those that go on with what was typed, fit to be read back by the shell.
_patctl_words() {
	local word
	for word; do
		[[ $word == "$cur"* ]] && COMPREPLY+=("$(printf '%q' "$word")")
	done
}

# _patctl_list WORD...: the same for the last entry of a list with commas between.
_patctl_list() {
	local before='' word
	[[ $cur == *,* ]] && before=${cur%,*},
	for word; do
		[[ $before$word == "$cur"* ]] && COMPREPLY+=("$before$word")
	done
	compopt -o nospace
}

_patctl_selectors() {
	local id name
	while read -r id name; do
		_patctl_words "$id" "$name"
	done < <(_patctl_tokens "${as[@]}")
}

# _patctl_value OPTION: what may stand behind it. False if it takes no value.
_patctl_value() {
	local columns='id name user services sources created expires last-used from uses status description'
	case $1 in
	-s | --service)
		# shellcheck disable=SC2046
		_patctl_list $(_patctl_groups) $(_patctl_services)
		;;
	-f | --from) _patctl_list local ;;
	-u | --user) mapfile -t COMPREPLY < <(compgen -u -- "$cur") ;;
	-e | --expires) _patctl_words 12h 7d 30d 90d 6M 1y never ;;
	--overlap) _patctl_words 1h 24h 7d ;;
	--unused | --expiring | --since) _patctl_words 1h 24h 7d 30d 90d ;;
	--sort)
		# shellcheck disable=SC2086
		_patctl_words $columns
		;;
	-o | --output | --columns)
		if [[ $command == list ]]; then
			# shellcheck disable=SC2086
			_patctl_list $columns
		else
			compopt -o filenames
			mapfile -t COMPREPLY < <(compgen -f -- "$cur")
		fi
		;;
	--socket)
		compopt -o filenames
		mapfile -t COMPREPLY < <(compgen -f -- "$cur")
		;;
	--root)
		compopt -o filenames
		mapfile -t COMPREPLY < <(compgen -d -- "$cur")
		;;
	-n | --uses | -d | --description | --name) ;;
	*) return 1 ;;
	esac
}

_patctl_options() {
	local everywhere='--json --no-legend --quiet --password-stdin --socket --help --version'
	local of=
	case $command in
	create) of='--expires --service --from --uses --description --output --user' ;;
	rotate) of='--overlap --output --user' ;;
	edit) of='--name --description --service --from --expires --uses --user' ;;
	suspend | resume | show | policy) of=--user ;;
	revoke) of='--all --token-stdin --user' ;;
	list) of='--all --expired --unused --expiring --columns --sort --user --all-users' ;;
	why) of='--since --all --user' ;;
	doctor) of='--service --root' ;;
	esac
	# shellcheck disable=SC2086
	_patctl_words $of $everywhere
}

# The words up to the cursor. bash breaks them at `@`, `=` and `:` as well: put together again.
_patctl_split() {
	local line=$COMP_LINE i
	words=()
	for ((i = 0; i <= COMP_CWORD; i++)); do
		if [[ $i -gt 0 && $line != [[:space:]]* ]]; then
			words[${#words[@]} - 1]+=${COMP_WORDS[i]}
		else
			words+=("${COMP_WORDS[i]}")
		fi
		while [[ $line == [[:space:]]* ]]; do line=${line:1}; done
		line=${line#"${COMP_WORDS[i]}"}
	done
}

# What was typed before: the command, how many operands it has, and for whom it is.
_patctl_before() {
	local i word
	for ((i = 1; i < ${#words[@]} - 1; i++)); do
		word=${words[i]}
		case $word in
		-u | --user) as+=(--user "${words[i + 1]}") ;;&
		--socket) as+=(--socket "${words[i + 1]}") ;;&
		-[esfnduo] | --expires | --service | --from | --uses | --description | --name | --output | \
			--overlap | --unused | --expiring | --columns | --sort | --since | --root | --user | --socket)
			((i++))
			;;
		-*) ;;
		*) if [[ $command ]]; then ((operands++)); else command=$word; fi ;;
		esac
	done
}

_patctl_operands() {
	case $command in
	'') _patctl_words create rotate edit suspend resume revoke list show why policy verify doctor ;;
	rotate | edit | show) [[ $operands -gt 0 ]] || _patctl_selectors ;;
	suspend | resume | revoke) _patctl_selectors ;;
	esac
}

_patctl() {
	local command='' operands=0 cur option
	local -a as=() words
	COMPREPLY=()
	_patctl_split
	_patctl_before
	# What is quoted so far is compared as it will be read.
	cur=${words[${#words[@]} - 1]//\\/}
	option=${words[${#words[@]} - 2]}
	if [[ $cur == --*=* ]]; then
		option=${cur%%=*}
		cur=${cur#*=}
	fi
	if ! _patctl_value "$option"; then
		if [[ $cur == -* ]]; then _patctl_options; else _patctl_operands; fi
	fi
	# Where bash breaks words at @, it puts the answer in the place of that and what is behind.
	if [[ $COMP_WORDBREAKS == *@* && $cur == *@* ]]; then
		COMPREPLY=("${COMPREPLY[@]#"${cur%@*}"}")
	fi
}

complete -F _patctl patctl
