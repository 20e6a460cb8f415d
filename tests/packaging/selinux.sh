#!/usr/bin/env bash
# SPDX-License-Identifier: ISC
#
# The SELinux policy module: it compiles, it goes into Debian's policy, and what that allows then is
# what is wanted, and no more. No machine's policy is touched: all of it is in a directory of its own.

SRC=${SRC:-$(cd "$(dirname "$0")/../.." && pwd)}
# shellcheck source=SCRIPTDIR/../lib/tap.sh
. "$SRC/tests/lib/tap.sh"
DEVEL=/usr/share/selinux/devel
BASE=default
[ -e $DEVEL/Makefile ] || skip_all 'needs selinux-policy-dev'

cp "$SRC"/packaging/selinux/pam_pat.* "$TAP_DIR" || bail 'no place for a copy'
run make -C "$TAP_DIR" -f $DEVEL/Makefile NAME=$BASE pam_pat.pp
exited 'the module compiles' 0
is 'without a warning' "$(grep -i 'warning\|error' <<<"$out$err")" ''
if command -v selint >/dev/null; then
	# S-001: that types of others are required by name, where not every policy has them.
	run selint -d S-001 -r -S "$TAP_DIR"
	is 'selint has nothing to say' "$rc$(grep -E '^pam_pat' <<<"$out")" 0
else
	skip 'selint has nothing to say' 'needs selint'
fi

if ! command -v semodule >/dev/null || [ ! -r /var/lib/selinux/$BASE/active/policy.kern ]; then
	skip 'what the policy allows' "needs root, policycoreutils and selinux-policy-$BASE"
	done_testing
fi
root=$TAP_DIR/root
mkdir -p "$root/var/lib/selinux" "$root/etc/selinux"
cp -a /var/lib/selinux/$BASE "$root/var/lib/selinux/"
cp -a /etc/selinux/$BASE /etc/selinux/semanage.conf "$root/etc/selinux/"
run semodule -p "$root" -s $BASE -n -i "$TAP_DIR/pam_pat.pp"
exited 'it goes into the policy' 0
like 'and is in it' "$(semodule -p "$root" -s $BASE -l)" 'pam_pat'

contexts=$root/etc/selinux/$BASE/contexts/files/file_contexts
while read -r path mode type; do
	is "$path is $type" "$(matchpathcon -n -f "$contexts" -m "$mode" "$path" 2>&1)" \
		"system_u:object_r:$type:s0"
done <<-END
	/usr/sbin/patd file patd_exec_t
	/usr/bin/patd file patd_exec_t
	/usr/bin/patctl file bin_t
	/usr/lib/systemd/system/patd.socket file patd_unit_t
	/var/lib/pat dir pat_var_lib_t
	/var/lib/pat/tokens.tdb file pat_var_lib_t
	/var/lib/pat/tokens.tdb.lock file pat_var_lib_t
	/run/pat dir pat_var_run_t
	/run/pat/io.pampat.Tokens socket pat_var_run_t
	/run/pat/verify socket pat_verify_var_run_t
END

if ! /usr/bin/python3 -c 'import setools' 2>/dev/null; then
	skip 'what the policy allows' 'needs python3-setools'
	done_testing
fi
policy=$(find "$root/etc/selinux/$BASE/policy" -name 'policy.*' | sort -V | tail -n 1)
run /usr/bin/python3 "$SRC/tests/packaging/selinux.py" "$policy"
while IFS= read -r line; do
	case $line in
	'ok '*) pass "${line#* - }" ;;
	'not ok '*) fail "${line#* - }" ;;
	'# '*) printf '%s\n' "$line" ;;
	esac
done <<<"$out"
like 'all questions were asked' "$out" '1\.\.[0-9]+$'

done_testing
