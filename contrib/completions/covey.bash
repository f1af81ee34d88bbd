# SPDX-License-Identifier: Apache-2.0
# Copyright the covey authors
#
# Completion of covey(1) for bash: verbs and flags out of `covey help`, names of jobs and hosts from the agent.

_covey_flags() {
    covey help "$1" 2>/dev/null | sed -n 's/^  \(-., \)\{0,1\}\(--[a-z-]*\).*/\2/p'
}

_covey_agent_flags() {
    covey agent --help 2>/dev/null | grep -o -e '--[a-z-]\{1,\}' | sort -u
}

# The first column of a table without its header; nothing when no agent answers.
_covey_column() {
    timeout 2 covey "$@" 2>/dev/null | awk 'NR > 1 { print $1 }'
}

_covey_jobs() {
    timeout 2 covey status 2>/dev/null | awk 'seen { print $1 } $1 == "JOB" { seen = 1 }'
}

_covey_words() {
    mapfile -t COMPREPLY < <(compgen -W "$1" -- "$2")
}

_covey() {
    local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD - 1]} verb=${COMP_WORDS[1]-}
    COMPREPLY=()
    if [ "$COMP_CWORD" = 1 ]; then
        _covey_words "$(covey help 2>/dev/null | sed -n 's/^  \([a-z]*\) .*/\1/p')" "$word"
        return
    fi
    case $before in
    --socket | --config | --secret-file) mapfile -t COMPREPLY < <(compgen -f -- "$word"); return ;;
    --data-dir) mapfile -t COMPREPLY < <(compgen -d -- "$word"); return ;;
    --job) _covey_words "$(_covey_jobs)" "$word"; return ;;
    --node) _covey_words "$(_covey_column nodes)" "$word"; return ;;
    --kind) _covey_words "member self node instance leader voters join" "$word"; return ;;
    --timeout | --tail | --task | --cas | --from | --for) return ;;
    esac
    if [ "${word#-}" != "$word" ]; then
        if [ "$verb" = agent ] && [[ ${COMP_WORDS[2]} == -* ]]; then
            _covey_words "$(_covey_agent_flags)" "$word"
        else
            _covey_words "$(_covey_flags "$verb")" "$word"
        fi
        return
    fi
    case $verb in
    agent)
        if [ "$COMP_CWORD" = 2 ]; then
            _covey_words "restart away back" "$word"
        else
            _covey_words "$(_covey_column nodes)" "$word"
        fi
        ;;
    nodes)
        if [ "$COMP_CWORD" = 2 ]; then
            _covey_words "forget" "$word"
        else
            _covey_words "$(_covey_column nodes)" "$word"
        fi
        ;;
    drain) _covey_words "$(_covey_column nodes)" "$word" ;;
    run | validate | backup | restore) mapfile -t COMPREPLY < <(compgen -f -- "$word") ;;
    stop | status | ps) _covey_words "$(_covey_jobs)" "$word" ;;
    logs) _covey_words "$(_covey_jobs) $(_covey_column ps)" "$word" ;;
    var)
        if [ "$COMP_CWORD" = 2 ]; then
            _covey_words "get put list rm watch" "$word"
        else
            _covey_words "$(_covey_column var list)" "$word"
        fi
        ;;
    log)
        if [ "$COMP_CWORD" = 2 ]; then
            _covey_words "verify dump" "$word"
        else
            mapfile -t COMPREPLY < <(compgen -f -- "$word")
        fi
        ;;
    voters)
        if [ "$COMP_CWORD" = 2 ]; then
            _covey_words "pin exclude auto" "$word"
        else
            _covey_words "$(_covey_column nodes)" "$word"
        fi
        ;;
    help) _covey_words "$(covey help 2>/dev/null | sed -n 's/^  \([a-z]*\) .*/\1/p')" "$word" ;;
    esac
}

complete -o filenames -F _covey covey
