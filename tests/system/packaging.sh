#!/usr/bin/env bash
# SPDX-License-Identifier: ISC
#
# What is written down twice for packages is the same both times. Packages are made, and tried, by
# `make check-packages`.

# shellcheck source=SCRIPTDIR/../lib/world.sh
. "$(dirname "$0")/../lib/world.sh"
world_enter "$@"
cd "$SRC" || exit

VERSION=$(sed -n 's/^VERSION := //p' Makefile)
like 'the Makefile has the version' "$VERSION" '^[0-9]+\.[0-9]+\.[0-9]+$'
is 'debian/changelog begins with it' "$(sed -n '1s/^pam-pat (\(.*\)) .*/\1/p' debian/changelog)" "$VERSION"
is 'CHANGELOG.md begins with it' "$(sed -n '/^## /{s/^## \([^ ]*\).*/\1/p;q}' CHANGELOG.md)" "$VERSION"
for spec in packaging/rpm/*.spec; do
	[ -e "$spec" ] || continue
	is "$spec has it" "$(sed -n 's/^Version: *//p' "$spec")" "$VERSION"
done

# What `make install` refuses to leave behind and what prerm does are one thing.
places() {
	grep -oE '/etc/pam\.conf /etc/pam\.d /usr/lib/pam\.d' "$1" | sort -u
}
is 'uninstallation looks for stacks in the same places' "$(places debian/libpam-pat.prerm)" "$(places Makefile)"
like 'of which there are some' "$(places Makefile)" pam.d

# Each file that is installed goes into one package.
ok 'make install, as debian/rules does it' make -o all BUILD="$BUILD" DESTDIR="$W/tmp/root" PAM_STYLE=debian \
	PAMDIR=/lib/any/security UNITDIR=/lib/systemd/system ZSHCOMPDIR=/usr/share/zsh/vendor-completions install install-cron
files=$(cd "$W/tmp/root" && find . ! -type d -printf '%P\n' | sort)
like 'installs something' "$files" patctl
# packaged PACKAGE: those of the files that its list names.
packaged() {
	local pattern file
	while read -r pattern _; do
		while read -r file; do
			# shellcheck disable=SC2053
			[[ $file != ${pattern#debian/tmp/} && $file != ${pattern#debian/tmp/}/* ]] || echo "$file"
		done <<<"$files"
	done <"debian/$1.install" | sort -u
}
is 'each file that is installed is in one package, and in no other' \
	"$(packaged libpam-pat; packaged patctl)" "$(packaged libpam-pat; comm -23 <(echo "$files") <(packaged libpam-pat))"
while read -r pattern _; do
	ok "there is a file for $pattern" bash -c "compgen -G '$pattern' || compgen -G '$W/tmp/root/${pattern#debian/tmp/}'"
done < <(cat debian/*.install)

# The question of postrm in other languages.
if command -v msgfmt >/dev/null; then
	for po in debian/po/*.po; do
		run msgfmt --check --statistics -o /dev/null "$po"
		unlike "$po is whole" "$rc$err" 'fuzzy|untranslated|^[^0]'
	done
fi

for script in debian/*.{postinst,prerm,postrm,config}; do
	ok "$script is a shell script without a fault" sh -n "$script"
done

end
