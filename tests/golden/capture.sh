#!/bin/sh
# Captures what an installed keepalived and, if there, FRR send, and writes it here as *.hex: Ethernet
# frames, one a file. Needs root (network namespaces), keepalived, iproute2 and tcpdump. Nothing leaves
# the namespace.
set -eu

here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
work=$(mktemp -d)
ns="golden$$"
version=$(keepalived --version 2>&1 | sed -n '1s/.*v\([0-9.]*\).*/\1/p')
frr=/usr/lib/frr
daemon='' dump='' zebra=''

cleanup() {
    [ -z "$daemon" ] || kill "$daemon" 2>/dev/null || true
    [ -z "$zebra" ] || kill "$zebra" 2>/dev/null || true
    [ -z "$dump" ] || kill "$dump" 2>/dev/null || true
    ip netns del "$ns" 2>/dev/null || true
    rm -rf "$work"
}
trap cleanup EXIT
trap 'exit 1' INT TERM

ip netns add "$ns"
in_ns() { ip netns exec "$ns" "$@"; }
in_ns ip link set lo up
in_ns ip link add lan0 address 02:00:00:00:00:01 type veth peer name lan1 address 02:00:00:00:00:02
in_ns sysctl -qw net.ipv6.conf.lan0.accept_dad=0 net.ipv6.conf.lan1.disable_ipv6=1
in_ns ip link set lan0 up
in_ns ip link set lan1 up
in_ns ip address add 192.0.2.2/24 dev lan0
in_ns ip neighbour add 192.0.2.3 lladdr 02:00:00:00:00:02 dev lan0

cat > "$work/keepalived.conf" <<CONF
global_defs {
    router_id golden
}
vrrp_instance v2_pass {
    state MASTER
    interface lan0
    virtual_router_id 51
    priority 100
    advert_int 1
    authentication {
        auth_type PASS
        auth_pass 1111
    }
    virtual_ipaddress {
        192.0.2.10/24
        192.0.2.11/24
    }
}
vrrp_instance v2_plain {
    state MASTER
    interface lan0
    virtual_router_id 52
    priority 150
    advert_int 2
    virtual_ipaddress {
        192.0.2.20
    }
}
vrrp_instance v3_ipv4 {
    version 3
    state MASTER
    interface lan0
    virtual_router_id 53
    priority 200
    advert_int 0.5
    virtual_ipaddress {
        192.0.2.30/24
        198.51.100.30/24
        203.0.113.30/24
    }
}
vrrp_instance v3_ipv6 {
    version 3
    state MASTER
    interface lan0
    virtual_router_id 54
    priority 120
    advert_int 1
    virtual_ipaddress {
        fe80::40/64
        2001:db8::40/64
    }
}
vrrp_instance v2_unicast {
    state MASTER
    interface lan0
    virtual_router_id 55
    priority 100
    advert_int 1
    unicast_src_ip 192.0.2.2
    unicast_peer {
        192.0.2.3
    }
    authentication {
        auth_type PASS
        auth_pass longword
    }
    virtual_ipaddress {
        192.0.2.50/24
    }
}
vrrp_instance v3_unicast {
    version 3
    state MASTER
    interface lan0
    virtual_router_id 56
    priority 100
    advert_int 1
    unicast_src_ip 192.0.2.2
    unicast_peer {
        192.0.2.3
    }
    virtual_ipaddress {
        192.0.2.60/24
    }
}
vrrp_instance v2_excluded {
    state MASTER
    interface lan0
    virtual_router_id 57
    priority 100
    advert_int 1
    virtual_ipaddress_excluded {
        192.0.2.70/24
    }
}
CONF
# Since 2.2.8.
if printf 'global_defs {\n v3_checksum_as_v2\n}\n' > "$work/probe" &&
    ! keepalived -t -f "$work/probe" 2>&1 | grep -q 'Unknown keyword'; then
    cat >> "$work/keepalived.conf" <<CONF
vrrp_instance v3_message_only {
    version 3
    v3_checksum_as_v2
    state MASTER
    interface lan0
    virtual_router_id 58
    priority 100
    advert_int 1
    virtual_ipaddress {
        192.0.2.80/24
    }
}
CONF
fi

# Not through in_ns: $! must be the program itself.
start_dump() {
    ip netns exec "$ns" tcpdump -i lan0 -U -w "$work/$1.pcap" \
        'ip proto 112 or ip6 proto 112 or arp or icmp6' 2>"$work/tcpdump.log" &
    dump=$!
    sleep 1
}
stop_dump() {
    sleep 1
    kill "$dump"
    wait "$dump" || true
    dump=''
}
stop_daemon() {
    kill "$daemon"
    wait "$daemon" || true
    daemon=''
}

start_dump keepalived
ip netns exec "$ns" keepalived -n -P -l -D -f "$work/keepalived.conf" -p "$work/pid" -r "$work/vrrp.pid" >"$work/log" 2>&1 &
daemon=$!
sleep 9
stop_daemon
stop_dump

# write NAME COMMENT FILTER: the first frame of $pcap that the filter lets pass.
write() {
    tcpdump -r "$work/$pcap.pcap" -n -xx -c 1 "$3" 2>/dev/null |
        sed -n 's/^\t0x[0-9a-f]*: *//p' | sed 's/\([0-9a-f][0-9a-f]\)\([0-9a-f][0-9a-f]\)/\1 \2/g' > "$work/frame"
    if [ -s "$work/frame" ]; then
        { printf '# %s %s: %s\n' "$pcap" "$version" "$2"; cat "$work/frame"; } > "$here/$1.hex"
    else
        echo "no frame for $1 ($2)" >&2
    fi
}

vrid4() { echo "ip proto 112 and ip[21] = $1 and ip[22] $2 0"; }
vrid6() { echo "ip6 proto 112 and ip6[41] = $1 and ip6[42] $2 0"; }
pcap=keepalived
write v2-pass 'version 2, password, two addresses' "$(vrid4 51 !=)"
write v2-pass-stop 'version 2, password, two addresses, priority 0' "$(vrid4 51 =)"
write v2-plain 'version 2, no authentication, every 2 s' "$(vrid4 52 !=)"
write v3-ipv4 'version 3, IPv4, three addresses, every 0.5 s' "$(vrid4 53 !=)"
write v3-ipv4-stop 'version 3, IPv4, three addresses, priority 0' "$(vrid4 53 =)"
write v3-ipv6 'version 3, IPv6, two addresses' "$(vrid6 54 !=)"
write v3-ipv6-stop 'version 3, IPv6, two addresses, priority 0' "$(vrid6 54 =)"
write v2-unicast 'version 2, unicast, password of eight characters' "$(vrid4 55 !=)"
write v3-unicast 'version 3, IPv4, unicast' "$(vrid4 56 !=)"
write v2-excluded 'version 2, only excluded addresses: a count of zero' "$(vrid4 57 !=)"
write v3-message-only 'version 3, IPv4, v3_checksum_as_v2' "$(vrid4 58 !=)"
write garp 'gratuitous ARP for 192.0.2.10' 'arp and arp[24:4] = 0xc000020a'
write na 'unsolicited neighbour advertisement for 2001:db8::40' \
    'icmp6 and ip6[40] = 136 and ip6[48:4] = 0x20010db8'

# FRR sends from a macvlan with the virtual router's MAC.
[ -x "$frr/vrrpd" ] || { echo "no FRR: its frames stay as they are" >&2; exit 0; }
pcap=frr
version=$("$frr/vrrpd" --version | sed -n '1s/.*version //p')
add_macvlan() {
    in_ns ip link add "$1" link lan0 address "$2" type macvlan mode bridge
    in_ns ip address add "$3" dev "$1"
    in_ns sysctl -qw "net.ipv6.conf.$1.accept_dad=0"
    in_ns ip link set "$1" up
}
add_macvlan vrrp4-62 00:00:5e:00:01:3e 192.0.2.62/32
add_macvlan vrrp6-63 00:00:5e:00:02:3f 2001:db8::63/64
echo 'hostname golden' > "$work/zebra.conf"
cat > "$work/vrrpd.conf" <<CONF
interface lan0
 vrrp 62 version 3
 vrrp 62 ip 192.0.2.62
 vrrp 63 version 3
 vrrp 63 ipv6 2001:db8::63
exit
CONF
chmod 755 "$work"
mkdir "$work/run"
chown frr:frr "$work/run"
frr_daemon() {
    program=$1
    exec ip netns exec "$ns" "$frr/$program" -f "$work/$program.conf" -i "$work/run/$program.pid" \
        -z "$work/run/zserv" --vty_socket "$work/run" -P 0 -u frr -g frr
}
start_dump frr
frr_daemon zebra > "$work/zebra.log" 2>&1 &
zebra=$!
sleep 2
frr_daemon vrrpd > "$work/vrrpd.log" 2>&1 &
daemon=$!
sleep 8
stop_daemon
stop_dump
write frr-v3-ipv4 'version 3, IPv4' "$(vrid4 62 !=)"
write frr-v3-ipv4-stop 'version 3, IPv4, priority 0' "$(vrid4 62 =)"
write frr-v3-ipv6 'version 3, IPv6' "$(vrid6 63 !=)"
