# SPDX-License-Identifier: ISC
#
# patctl(1) for fish.

set -l commands create rotate edit suspend resume revoke list show why policy verify doctor

# Ids and names of live tokens, each with the other beside it. No password is asked for.
function __patctl_tokens
    set -l words (commandline -opc)
    set -l as
    for i in (seq (count $words))
        contains -- "$words[$i]" -u --user --socket
        and set -a as (string replace -- -u --user $words[$i]) $words[(math $i + 1)]
    end
    for line in (patctl list --no-legend -q -o id,name $as 2>/dev/null </dev/null)
        set -l pair (string split -m 1 ' ' -- $line)
        set -l name (string trim -- $pair[2])
        printf '%s\t%s\n%s\t%s\n' $pair[1] $name $name $pair[1]
    end
end

# The entries, each behind those of the list that stand there already.
function __patctl_list
    set -l before (string match -r -- '^.*,' (commandline -ct))
    for entry in $argv
        echo "$before$entry"
    end
end

# Not those that no token opens, nor the files that are only parts of others, or left over.
function __patctl_services
    __patctl_list (patctl policy --no-legend -q 2>/dev/null </dev/null | string match -r '^@\S+') \
        (string replace -r '.*/' '' /etc/pam.d/* | string match -rv '^(other|patd|passwd|chpasswd|chfn|chsh|chage|user(add|mod|del)|(common|password|fingerprint|smartcard)-.*|system-auth.*|postlogin|.*(~|\.(bak|old|orig|new|(dpkg|ucf|rpm).*)))$')
end

function __patctl_columns
    for column in id name user services sources created expires last-used from uses status description
        echo $column
    end
end

complete -c patctl -f

complete -c patctl -n "not __fish_seen_subcommand_from $commands" -a create -d 'mint a token, and print it once'
complete -c patctl -n "not __fish_seen_subcommand_from $commands" -a rotate -d 'put a new token in the place of an old one'
complete -c patctl -n "not __fish_seen_subcommand_from $commands" -a edit -d 'narrow a token, or name or describe it anew'
complete -c patctl -n "not __fish_seen_subcommand_from $commands" -a suspend -d 'stop tokens from working, until they are resumed'
complete -c patctl -n "not __fish_seen_subcommand_from $commands" -a resume -d 'let suspended tokens work again'
complete -c patctl -n "not __fish_seen_subcommand_from $commands" -a revoke -d 'end tokens at once, for good'
complete -c patctl -n "not __fish_seen_subcommand_from $commands" -a list -d 'list your tokens'
complete -c patctl -n "not __fish_seen_subcommand_from $commands" -a show -d 'tell all about one token, with its recent uses'
complete -c patctl -n "not __fish_seen_subcommand_from $commands" -a why -d 'tell why tokens of yours were refused'
complete -c patctl -n "not __fish_seen_subcommand_from $commands" -a policy -d 'tell what you may mint here'
complete -c patctl -n "not __fish_seen_subcommand_from $commands" -a verify -d 'tell what the tokens on standard input are'
complete -c patctl -n "not __fish_seen_subcommand_from $commands" -a doctor -d 'tell what is wrong with the installation'

complete -c patctl -n '__fish_seen_subcommand_from rotate edit suspend resume revoke show' -a '(__patctl_tokens)'

complete -c patctl -n '__fish_seen_subcommand_from create edit' -s e -l expires -x -a '12h 7d 30d 90d 6M 1y never' -d 'when it ends'
complete -c patctl -n '__fish_seen_subcommand_from create edit' -s s -l service -x -a '(__patctl_services)' -d 'the PAM services that it opens'
complete -c patctl -n '__fish_seen_subcommand_from create edit' -s f -l from -x -a '(__patctl_list local)' -d 'where it may come from'
complete -c patctl -n '__fish_seen_subcommand_from create edit' -s n -l uses -x -d 'how often it works'
complete -c patctl -n '__fish_seen_subcommand_from create edit' -s d -l description -x -d 'what it is for'
complete -c patctl -n '__fish_seen_subcommand_from edit' -l name -x -d 'what it is to be called'
complete -c patctl -n '__fish_seen_subcommand_from create rotate' -s o -l output -r -F -d 'write the token to a file'
complete -c patctl -n '__fish_seen_subcommand_from rotate' -l overlap -x -a '1h 24h 7d' -d 'how long the old one goes on'
complete -c patctl -n '__fish_seen_subcommand_from revoke' -l all -d 'all live tokens'
complete -c patctl -n '__fish_seen_subcommand_from revoke' -l token-stdin -d 'the tokens on standard input'
complete -c patctl -n '__fish_seen_subcommand_from list' -s a -l all -d 'those that have ended, too'
complete -c patctl -n '__fish_seen_subcommand_from list' -l expired -d 'only those that have expired'
complete -c patctl -n '__fish_seen_subcommand_from list' -l unused -x -a '7d 30d 90d' -d 'only those that nobody used for so long'
complete -c patctl -n '__fish_seen_subcommand_from list' -l expiring -x -a '24h 7d 30d' -d 'only those that expire within a time'
complete -c patctl -n '__fish_seen_subcommand_from list' -s o -l columns -x -a '(__patctl_list (__patctl_columns))' -d 'what to show of each'
complete -c patctl -n '__fish_seen_subcommand_from list' -l sort -x -a '(__patctl_columns)' -d 'by a column'
complete -c patctl -n '__fish_seen_subcommand_from list' -l all-users -d 'those of all users'
complete -c patctl -n '__fish_seen_subcommand_from why' -l since -x -a '1h 24h 7d 30d' -d 'since then'
complete -c patctl -n '__fish_seen_subcommand_from doctor' -s s -l service -x -a '(__patctl_services)' -d 'the stacks of these services alone'
complete -c patctl -n '__fish_seen_subcommand_from doctor' -l root -x -a '(__fish_complete_directories)' -d 'the system below a directory'
complete -c patctl -n '__fish_seen_subcommand_from why' -s a -l all -d 'all that is kept'
complete -c patctl -n "__fish_seen_subcommand_from $commands; and not __fish_seen_subcommand_from verify doctor" -s u -l user -x -a '(__fish_complete_users)' -d 'of this user'

complete -c patctl -s j -l json -d 'print JSON'
complete -c patctl -l no-legend -d 'print no headings'
complete -c patctl -s q -l quiet -d 'print nothing but what was asked for'
complete -c patctl -l password-stdin -d 'read passwords from standard input'
complete -c patctl -l socket -r -F -d 'where patd listens'
complete -c patctl -s h -l help -d 'print a short help'
complete -c patctl -s V -l version -d 'print the version'
