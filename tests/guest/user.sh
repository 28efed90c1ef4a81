# The user space of a guest that tests/guest/run boots: sourced by the guest's shell, which then calls
# one of these. What it prints is looked at by the host.

# put, get and a report over the nonce.
main_job() { # main_job NONCE
    echo "up after $(cut -d ' ' -f 1 /proc/uptime) s"
    echo "a secret of the guest" >/tmp/secret
    cloister call guest:/vault put --in /tmp/secret --out /tmp/sealed || return
    grep -q "secret of" /tmp/sealed && return 1
    cloister call guest:/vault get --in /tmp/sealed --out /tmp/opened || return
    cmp /tmp/secret /tmp/opened && echo "opened"
    cloister world show guest:
    cloister world show guest: --json | tr -d ' ,\n' | grep -q '"guests":null' && echo "no guests"
    cloister call "guest:$(mailbox)/echo" echo --text "by its address" --room 48 && echo
    cloister report get guest:/vault --nonce "$1" -o /tmp/report || return
    echo "report $(base64 /tmp/report | tr -d '\n')"
}

mailbox() { # the address of the device
    for device in /sys/bus/pci/devices/*; do
        [ "$(cat "$device/vendor" "$device/device")" = "0x1af4
0x1110" ] && basename "$device"
    done
}

channels() { # of echo that live
    cloister world show guest: |
        sed -n '/^module  *echo /,/channels/s/.*channels \([0-9]*\),.*/\1/p'
}

call_echo() { # call_echo TEXT COUNT
    cloister call guest:/echo echo --text "$1" --room 48 --count "$2" --out "/tmp/$1"
}

# Each call finds the module asleep and rings. The host looks at its counters when it sees the words;
# reading a register is something that a VMM serves.
doorbells() {
    call_echo warm 20
    registers=$(sed -n '1s/ .*//p' "/sys/bus/pci/devices/$(mailbox)/resource")
    echo "position $(devmem $((registers + 8)) 32)"
    echo "ring from here"
    sleep 2
    call_echo rung 300
    echo "rung"
    sleep 2
}

idle() {
    echo "idle from here"
    sleep 4
    echo "idle so far"
    sleep 2
}

two_at_once() {
    call_echo first 500 &
    first=$!
    call_echo second 500
    second=$?
    wait "$first"
    echo "statuses $? $second, outputs $(cat /tmp/first) $(cat /tmp/second)"
}

killed_program() {
    cloister call guest:/echo echo --text endless --room 48 --count 1000000 --out /tmp/endless &
    sleep 2
    echo "before $(channels)"
    kill -9 $!
    wait $!
    echo "killed $?"
    call_echo next 1
    echo "after $(channels)"
}

end_of_the_world() {
    (sleep 3 && echo "calling") &
    call_echo endless 1000000
    echo "ended $?"
    cloister call guest:/echo echo --text x --room 48 --out /tmp/x
    echo "again $?"
}
