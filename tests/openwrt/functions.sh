# What the init script uses of OpenWrt's /lib/functions.sh, for tests: a file of UCI is shell if `config`,
# `option` and `list` are commands, and so it is read here. $UCI_FOLDER stands for /etc/config.
# shellcheck shell=dash disable=SC1090,SC3043

config_load() {
	local each
	uci_sections=
	uci_number=0
	uci_section=
	for each in $uci_lists; do eval "$each="; done
	uci_lists=
	. "$UCI_FOLDER/$1"
}

config() {
	uci_number=$((uci_number + 1))
	uci_section="${2:-cfg$uci_number}"
	uci_sections="$uci_sections $1:$uci_section"
}

option() { eval "uci_${uci_section}_$1=\$2"; }

list() {
	local old
	config_get old "$uci_section" "$1"
	option "$1" "${old:+$old }$2"
	uci_lists="$uci_lists uci_${uci_section}_$1"
}

# config_get VARIABLE SECTION OPTION [DEFAULT]
config_get() { eval "$1=\${uci_$2_$3:-\$4}"; }

# config_get_bool VARIABLE SECTION OPTION [DEFAULT]
config_get_bool() {
	local word
	config_get word "$2" "$3" "$4"
	case "$word" in
	1 | on | true | yes | enabled) eval "$1=1" ;;
	0 | off | false | no | disabled) eval "$1=0" ;;
	*) eval "$1=\$4" ;;
	esac
}

# config_foreach FUNCTION TYPE [ARGUMENT...]
config_foreach() {
	local function="$1" type="$2" each
	shift 2
	for each in $uci_sections; do
		[ "${each%%:*}" != "$type" ] || "$function" "${each#*:}" "$@"
	done
}
