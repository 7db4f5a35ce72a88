# From UCI to the configuration: the sections of /etc/config/keepalived as keepalived's language, on
# standard output. What is left out, and why, on standard error.
#
# Sourced by the init script, after /lib/functions.sh. A section is known by its option `name`, else by its
# own name; sections refer to each other by that. Where a list names no section, an entry that can stand
# for itself does: an address, an interface, a vrrp_script. Busybox ash and sed are all it needs.
# shellcheck shell=dash disable=SC3043,SC2154,SC2101,SC2018,SC2019

hf_indent=

hf_line() { printf '%s%s\n' "$hf_indent" "$*"; }

hf_open() {
	hf_line "$* {"
	hf_indent="$hf_indent    "
}

hf_close() {
	hf_indent="${hf_indent#    }"
	hf_line "}"
}

hf_warn() { echo "/etc/config/keepalived: $*" >&2; }

# hf_quote TEXT: TEXT as one word of the language, in $quoted.
hf_quote() {
	quoted="$1"
	case "$quoted" in
	*[[:space:]\"\#\!{}]*) quoted="\"$(printf '%s' "$1" | tr '\n\r' '  ' | sed 's/"/\\"/g')\"" ;;
	esac
}

# hf_name SECTION: what it is called, in $name.
hf_name() { config_get name "$1" name "$1"; }

# hf_values SECTION OPTION...: a line for each option that is set.
hf_values() {
	local section="$1" option value quoted
	shift
	for option in "$@"; do
		config_get value "$section" "$option"
		[ -n "$value" ] || continue
		hf_quote "$value"
		hf_line "$option $quoted"
	done
}

# hf_flags SECTION OPTION...: a line for each option that is on. Any word but those of `off` is `on`, as some
# write the interface's name here.
hf_flags() {
	local section="$1" option value
	shift
	for option in "$@"; do
		config_get value "$section" "$option"
		case "$value" in
		"" | 0 | no | off | false | disabled) ;;
		*) hf_line "$option" ;;
		esac
	done
}

# hf_named TYPE NAME FUNCTION: calls FUNCTION SECTION for each section of that name; false if there is none.
hf_named() {
	hf_found=
	config_foreach hf_if_named "$1" "$2" "$3"
	[ -n "$hf_found" ]
}

hf_if_named() {
	local name
	hf_name "$1"
	[ "$name" = "$2" ] || return 0
	"$3" "$1"
	hf_found=yes
}

# hf_block SECTION OPTION FUNCTION: a block of the name OPTION, whose entries FUNCTION ENTRY writes.
hf_block() {
	local entries entry
	config_get entries "$1" "$2"
	[ -n "$entries" ] || return 0
	hf_open "$2"
	for entry in $entries; do "$3" "$entry"; done
	hf_close
}

# hf_hotplug TYPE NAME KEYWORD...: the hotplug scripts hear of these events.
hf_hotplug() {
	local type="$1" name="$2" keyword action
	shift 2
	for keyword in "$@"; do
		action="$(echo "$keyword" | tr a-z A-Z)"
		hf_line "$keyword \"/bin/busybox env -i ACTION=$action TYPE=$type NAME=$name /sbin/hotplug-call keepalived\""
	done
}

# An address is its own entry if no section has its name.
hf_address() { hf_named ipaddress "$1" hf_address_section || hf_literal "$1" ipaddress; }

hf_literal() {
	case "$1" in
	*[.:]*) hf_line "$1" ;;
	*) hf_warn "there is no $2 '$1'" ;;
	esac
}

hf_address_section() {
	local address device scope suffix text
	config_get address "$1" address
	[ -n "$address" ] || return 0
	config_get device "$1" device
	config_get scope "$1" scope
	config_get suffix "$1" label_suffix vip
	text="$address"
	if [ -n "$device" ]; then
		text="$text dev $device"
		# Labels are of IPv4 only, and as long as the name of an interface at most.
		case "$address" in
		*:*) ;;
		*) [ $((${#device} + ${#suffix})) -gt 14 ] || text="$text label $device:$suffix" ;;
		esac
		[ -z "$scope" ] || text="$text scope $scope"
	fi
	hf_line "$text"
}

hf_route() { hf_named route "$1" hf_route_section || hf_warn "there is no route '$1'"; }

hf_route_section() {
	local address blackhole option value text
	config_get address "$1" address
	[ -n "$address" ] || return 0
	config_get_bool blackhole "$1" blackhole 0
	if [ "$blackhole" -gt 0 ]; then
		hf_line "blackhole $address"
		return 0
	fi
	text="$address"
	for option in src_addr:src gateway:via device:dev scope:scope table:table; do
		config_get value "$1" "${option%%:*}"
		[ -z "$value" ] || text="$text ${option#*:} $value"
	done
	hf_line "$text"
}

hf_track_interface() { hf_named track_interface "$1" hf_track_value || hf_line "$1"; }

hf_track_value() {
	local value weight
	config_get value "$1" value
	[ -n "$value" ] || return 0
	config_get weight "$1" weight
	hf_line "$value${weight:+ weight $weight}"
}

# Either a section of its own says what weight a script has here, or the script's section does.
hf_track_script() {
	hf_named track_script "$1" hf_track_script_section || hf_named vrrp_script "$1" hf_track_script_section ||
		hf_warn "there is no track_script and no vrrp_script '$1'"
}

hf_track_script_section() {
	local name value weight direction
	hf_name "$1"
	config_get value "$1" value "$name"
	config_get weight "$1" weight
	config_get direction "$1" direction
	case "$direction" in
	reverse | noreverse) ;;
	*) direction= ;;
	esac
	hf_line "$value${weight:+ weight $weight${direction:+ $direction}}"
}

hf_track_bfd() { hf_named bfd_instance "$1" hf_track_bfd_section || hf_warn "there is no bfd_instance '$1'"; }

hf_track_bfd_section() {
	local name weight
	hf_name "$1"
	config_get weight "$1" weight
	hf_line "$name${weight:+ weight $weight}"
}

hf_peer() { hf_named peer "$1" hf_peer_section || hf_literal "$1" peer; }

hf_peer_section() {
	local address option value
	config_get address "$1" address
	[ -n "$address" ] || return 0
	for option in min_ttl max_ttl; do
		config_get value "$1" "$option"
		[ -z "$value" ] || address="$address $option $value"
	done
	hf_line "$address"
}

hf_globals() {
	local polling
	config_get_bool polling "$1" linkbeat_use_polling 0
	[ "$polling" -eq 0 ] || hf_line linkbeat_use_polling
	hf_open global_defs
	hf_line "script_user root"
	hf_line "enable_script_security"
	hf_line "startup_script \"/bin/busybox env -i ACTION=startup /sbin/hotplug-call keepalived\""
	hf_line "startup_script_timeout 10"
	hf_line "shutdown_script \"/bin/busybox env -i ACTION=shutdown /sbin/hotplug-call keepalived\""
	hf_line "shutdown_script_timeout 10"
	hf_block "$1" notification_email hf_line
	hf_values "$1" notification_email_from smtp_server smtp_connect_timeout router_id vrrp_mcast_group4 \
		vrrp_mcast_group6 vrrp_startup_delay
	hf_close
}

hf_static_addresses() {
	local address entry
	config_get address "$1" address
	for entry in $address; do hf_address "$entry"; done
}

hf_static_routes() {
	local route entry
	config_get route "$1" route
	for entry in $route; do hf_route "$entry"; done
}

hf_delays() {
	local device down up
	config_get device "$1" device
	config_get down "$1" down_delay
	config_get up "$1" up_delay
	[ -z "$device" ] || [ -z "$down" ] || hf_line "$device $down${up:+ $up}"
}

# hf_all TYPE FUNCTION [BLOCK]: FUNCTION SECTION for all sections of TYPE, in one BLOCK if any.
hf_all() {
	local text
	text="$(config_foreach "$2" "$1")"
	[ -n "$text" ] || return 0
	[ -z "$3" ] || hf_open "$3"
	echo "$text" | sed "s/^./$hf_indent&/"
	[ -z "$3" ] || hf_close
}

hf_script() {
	local name
	hf_name "$1"
	hf_open "vrrp_script $name"
	hf_values "$1" script interval timeout weight fall rise
	hf_close
}

hf_bfd() {
	local name
	hf_name "$1"
	hf_open "bfd_instance $name"
	hf_values "$1" neighbor_ip source_ip min_rx min_tx idle_tx hoplimit max_hops
	hf_close
}

# Members that do not exist are left out, and so is a group without any.
hf_group() {
	local name group member members
	hf_name "$1"
	config_get group "$1" group
	for member in $group; do
		if hf_named vrrp_instance "$member" :; then
			members="$members $member"
		else
			hf_warn "vrrp_sync_group '$name': there is no vrrp_instance '$member'"
		fi
	done
	[ -n "$members" ] || return 0
	hf_open "vrrp_sync_group $name"
	hf_open group
	for member in $members; do hf_line "$member"; done
	hf_close
	hf_flags "$1" smtp_alert global_tracking
	hf_block "$1" track_script hf_track_script
	hf_block "$1" track_interface hf_track_interface
	hf_block "$1" track_bfd hf_track_bfd
	hf_hotplug GROUP "$name" notify_backup notify_master notify_fault notify
	hf_close
}

hf_instance() {
	local name auth_type auth_pass
	hf_name "$1"
	hf_open "vrrp_instance $name"
	config_get auth_type "$1" auth_type
	config_get auth_pass "$1" auth_pass
	if [ -n "$auth_type" ] && [ -n "$auth_pass" ]; then
		hf_open authentication
		hf_values "$1" auth_type auth_pass
		hf_close
	fi
	hf_values "$1" state interface mcast_src_ip unicast_src_ip virtual_router_id version priority advert_int \
		preempt_delay debug lvs_sync_daemon_interface garp_master_delay garp_master_repeat garp_master_refresh \
		garp_master_refresh_repeat garp_lower_prio_delay garp_lower_prio_repeat
	hf_flags "$1" use_vmac vmac_xmit_base native_ipv6 accept no_accept dont_track_primary smtp_alert nopreempt
	hf_hotplug INSTANCE "$name" notify_backup notify_master notify_fault notify_stop
	hf_block "$1" virtual_ipaddress hf_address
	hf_block "$1" virtual_ipaddress_excluded hf_address
	hf_block "$1" virtual_routes hf_route
	hf_block "$1" track_script hf_track_script
	hf_block "$1" track_interface hf_track_interface
	hf_block "$1" track_bfd hf_track_bfd
	hf_block "$1" unicast_peer hf_peer
	hf_close
}

hf_virtual_server() {
	local on ipaddr port fwmark lb_algo sorry_ip sorry_port servers server protocol=protocol
	config_get_bool on "$1" enabled 1
	[ "$on" -eq 1 ] || return 0
	config_get ipaddr "$1" ipaddr
	config_get port "$1" port
	config_get fwmark "$1" fwmark
	if [ -n "$fwmark" ]; then
		# A mark has no protocol.
		protocol=
		hf_open "virtual_server fwmark $((fwmark))"
	elif [ -n "$ipaddr" ] && [ -n "$port" ]; then
		hf_open "virtual_server $ipaddr $port"
	else
		hf_warn "a virtual_server needs ipaddr and port, or fwmark"
		return 0
	fi
	hf_values "$1" delay_loop lb_kind persistence_timeout persistence_granularity virtualhost $protocol
	config_get lb_algo "$1" lb_algo rr
	hf_line "lb_algo $lb_algo"
	config_get sorry_ip "$1" sorry_server_ip
	config_get sorry_port "$1" sorry_server_port
	[ -z "$sorry_ip" ] || [ -z "$sorry_port" ] || hf_line "sorry_server $sorry_ip $sorry_port"
	config_get servers "$1" real_server
	for server in $servers; do
		hf_named real_server "$server" hf_real_server || hf_warn "there is no real_server '$server'"
	done
	hf_close
}

hf_real_server() {
	local on name ipaddr port weight check retry urls url
	config_get_bool on "$1" enabled 1
	[ "$on" -eq 1 ] || return 0
	hf_name "$1"
	config_get ipaddr "$1" ipaddr
	config_get port "$1" port
	if [ -z "$ipaddr" ] || [ -z "$port" ]; then
		hf_warn "real_server '$name' needs ipaddr and port"
		return 0
	fi
	hf_open "real_server $ipaddr $port"
	config_get weight "$1" weight 1
	hf_line "weight $weight"
	hf_hotplug REAL_SERVER "$name" notify_up notify_down
	config_get check "$1" check
	case "$check" in
	"") ;;
	PING_CHECK | TCP_CHECK | MISC_CHECK | HTTP_GET | SSL_GET)
		hf_open "$check"
		case "$check" in
		TCP_CHECK) hf_values "$1" connect_timeout connect_port ;;
		MISC_CHECK) hf_values "$1" misc_path ;;
		HTTP_GET | SSL_GET)
			hf_values "$1" connect_timeout connect_port delay_before_retry
			config_get retry "$1" nb_get_retry
			[ -z "$retry" ] || hf_line "retry $retry"
			config_get urls "$1" url
			for url in $urls; do hf_named url "$url" hf_url || hf_warn "there is no url '$url'"; done
			;;
		esac
		hf_close
		;;
	*) hf_warn "real_server '$name': '$check' is none of PING_CHECK TCP_CHECK MISC_CHECK HTTP_GET SSL_GET" ;;
	esac
	hf_close
}

hf_url() {
	hf_open url
	hf_values "$1" path digest status_code
	hf_close
}

# The whole configuration, from /etc/config/keepalived. With alt_config_file it is that file.
holdfast_generate() {
	local alternative
	config_load keepalived
	hf_line "# Made from /etc/config/keepalived: changes here are lost"
	config_get alternative globals alt_config_file
	if [ -n "$alternative" ]; then
		hf_line "includea $alternative"
		return 0
	fi
	config_foreach hf_globals globals
	config_foreach hf_globals global_defs
	hf_all static_ipaddress hf_static_addresses static_ipaddress
	hf_all static_routes hf_static_routes static_routes
	hf_all interface_up_down_delays hf_delays interface_up_down_delays
	config_foreach hf_script vrrp_script
	config_foreach hf_bfd bfd_instance
	config_foreach hf_group vrrp_sync_group
	config_foreach hf_instance vrrp_instance
	config_foreach hf_virtual_server virtual_server
}
