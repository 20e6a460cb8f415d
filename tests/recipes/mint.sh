# SPDX-License-Identifier: ISC
# shellcheck shell=bash
#
# pat(7), MINTING: by a user, by root for an account without a password, and by delegation.

# token_in FILE OWNER: there is a token in it, and nobody but its owner can read it.
token_in() {
	is "$1 is $2's alone" "$(stat -c '%U %a' "$1")" "$2 600"
	like "$1 has a token" "$(<"$1")" '^lnxpat_[0-9A-Za-z]{57}$'
}

useradd --create-home --shell /bin/bash deploy
touch /home/deploy/.hushlogin

recipe_run root service-account
exited 'service-account: root mints for an account without a password' 0
is 'service-account: the token is not printed' "$(grep -c lnxpat_ <<<"$out$err")" 0
token_in /etc/nightly/token root
is 'service-account: it is in a directory of root alone' "$(stat -c '%U %a' /etc/nightly)" 'root 700'
run patctl verify </etc/nightly/token
like 'service-account: it is a token of deploy' "$out" 'nightly.*deploy'
ok 'service-account: it logs in' ssh_with password "$(</etc/nightly/token)" deploy true
patctl revoke -q --all --user deploy

recipe_file delegation /etc/sudoers.d/pat-nightly 440 root
mv /etc/sudoers.d/alice "$W/sudoers.alice"
ok 'delegation: the rules are right' visudo -cqf /etc/sudoers.d/pat-nightly
recipe_asked alice delegated
exited 'delegated: alice mints for deploy' 0
token_in /home/alice/nightly.token alice
run patctl verify </home/alice/nightly.token
like 'delegated: it is a token of deploy' "$out" 'nightly.*deploy'
alice_sudo() {
	run as alice timeout 20 sudo -k -S -p '' "$@" <<<"${PASSWORD[alice]}"
}
alice_sudo patctl rotate nightly --user deploy
exited 'delegation: she renews it' 0
is 'delegation: and gets the new one' "$(grep -cx 'lnxpat_[0-9A-Za-z]\{57\}' <<<"$out")" 1
for more in '--service sudo' '--user root' '-o /etc/nightly/evil'; do
	# shellcheck disable=SC2086
	alice_sudo patctl create nightly --user deploy --service sshd --expires 90d $more
	refused "delegation: and may not add $more"
	like "delegation: because of sudo, $more" "$err" 'not allowed'
done
alice_sudo patctl list --user deploy
refused 'delegation: nor do anything else'
mv "$W/sudoers.alice" /etc/sudoers.d/alice
patctl revoke -q --all --user deploy

PASSWORD[deploy]='deploy: Sesame 5'
echo "deploy:${PASSWORD[deploy]}" | chpasswd
echo 'deploy ALL=(ALL:ALL) ALL' >/etc/sudoers.d/deploy
chmod 440 /etc/sudoers.d/deploy
recipe_asked deploy mint
exited 'mint: a user mints two tokens' 0
is 'mint: the directory is private' "$(stat -c '%U %a' /home/deploy/.pat)" 'deploy 700'
token_in /home/deploy/.pat/host.example deploy
token_in /home/deploy/.pat/sudo deploy
is 'mint: each for its own service' \
	"$(as deploy patctl list --json | /usr/bin/python3 -c '
import json, sys
print(sorted((token["name"], *token["services"]) for token in json.load(sys.stdin)))')" \
	"[('ci', 'sshd'), ('ci-root', 'sudo')]"
