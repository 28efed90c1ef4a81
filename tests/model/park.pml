/*
 * Model of the park and wake protocol of a channel (abi/channel.h), on a machine with store
 * buffers (x86-TSO): a store waits in its thread's buffer until it is flushed, a load sees the own
 * buffer first. One client thread makes CALLS calls, one or two at a time with one look at the
 * module's word, and waits for each; the module serves them; each side may park at any moment it
 * finds nothing to do, and the module may also be woken for no reason of this channel's (another
 * channel's doorbell, a time limit). A module that sees more work after a completion looks at the
 * client's word later, before the next handler (SDK: server_settle).
 *
 * Checked: no deadlock (a lost wake-up would leave one), no handler that runs while a wake-up is
 * owed, no wrong reply. Built with -DNO_FENCE the
 * model must fail: it shows that the fences are what the protocol stands on.
 */
#define CALLS 4

#define SUBMISSION    0 /* turn of the submission entry */
#define COMPLETION    1
#define MODULE_PARKED 2
#define CLIENT_PARKED 3
#define WORDS         4

#define CLIENT 0
#define MODULE 1

byte memory[WORDS];
chan buffer[2] = [4] of { byte, byte };
bool doorbell;     /* eventfd edge waiting in the module thread's epoll */
byte client_wake;  /* futex word; only the world host writes it */
byte client_sleeps; /* the call whose reply it sleeps for; 0: it is awake */
bool client_done;

/* Every value a thread last stored, for forwarding from its own buffer. */
byte pending[8];   /* number of stores of word w by thread t in its buffer: t * WORDS + w */
byte latest[8];

inline store(t, w, v) {
    atomic { buffer[t]!w, v; pending[t * WORDS + w]++; latest[t * WORDS + w] = v }
}
inline load(t, w, out) {
    atomic {
        if
        :: pending[t * WORDS + w] > 0 -> out = latest[t * WORDS + w]
        :: else -> out = memory[w]
        fi
    }
}
/* A full fence, and every system call or exit: the own buffer drains. */
inline drain(t) { empty(buffer[t]) }
inline fence(t) {
#ifndef NO_FENCE
    drain(t)
#else
    skip
#endif
}

/* The hardware flushes buffers whenever it likes. */
proctype flush(byte t) {
    byte w, v;
end:
    do
    :: atomic { buffer[t]?w, v -> memory[w] = v; pending[t * WORDS + w]--; w = 0; v = 0 }
    od
}

proctype client() {
    byte call = 1, last, seen, parked, expected;
    do
    :: call > CALLS -> break
    :: else ->
        last = call;
        store(CLIENT, SUBMISSION, last);
        if
        :: last < CALLS -> last++; store(CLIENT, SUBMISSION, last)
        :: skip
        fi;
        fence(CLIENT);
        load(CLIENT, MODULE_PARKED, parked);
        if
        :: parked == 1 ->
            store(CLIENT, MODULE_PARKED, 0);
            drain(CLIENT);
            doorbell = true
        :: else
        fi;
        do
        :: call > last -> break
        :: else -> load(CLIENT, COMPLETION, seen);
            assert(seen <= last);
            if
            :: seen >= call -> call++
            :: else ->
                assert(seen == call - 1);
                /* spinning once more, or parking */
                if
                :: skip
                :: expected = client_wake;
                    store(CLIENT, CLIENT_PARKED, 1);
                    fence(CLIENT);
                    load(CLIENT, COMPLETION, seen);
                    if
                    :: seen >= call -> store(CLIENT, CLIENT_PARKED, 0)
                    :: else ->
                        drain(CLIENT);
                        /* FUTEX_WAIT: sleeps only if the word is unchanged */
                        atomic { client_wake == expected -> client_sleeps = call } unless
                        { client_wake != expected };
                        client_sleeps == 0;
                        store(CLIENT, CLIENT_PARKED, 0)
                    fi
                fi
            fi
        od;
        seen = 0; parked = 0; expected = 0; last = 0
    od;
    client_done = true
}

/* The client's word, after a full fence: NOTIFY if it sleeps. */
inline settle() {
    fence(MODULE);
    load(MODULE, CLIENT_PARKED, parked);
    if
    :: parked == 1 ->
        store(MODULE, CLIENT_PARKED, 0);
        drain(MODULE);
        atomic { client_wake = (client_wake + 1) % 4; client_sleeps = 0 }
    :: else
    fi;
    owed = false
}

proctype module() {
    byte next = 1, seen, parked;
    bool owed;
    do
    :: client_done && next > CALLS -> break
    :: else ->
        load(MODULE, SUBMISSION, seen);
        if
        :: seen >= next ->
            if
            :: owed -> settle()
            :: else
            fi;
            /* the handler: nobody sleeps whose reply is there */
            assert(client_sleeps == 0 || client_sleeps >= next);
            store(MODULE, COMPLETION, next);
            next++;
            load(MODULE, SUBMISSION, seen);
            if
            :: seen >= next -> owed = true
            :: else -> settle()
            fi
        :: else ->
            assert(!owed);
            if
            :: skip /* polls on */
            :: store(MODULE, MODULE_PARKED, 1);
                fence(MODULE);
                load(MODULE, SUBMISSION, seen);
                if
                :: seen >= next -> store(MODULE, MODULE_PARKED, 0)
                :: else ->
                    drain(MODULE);
                    /* WAIT: until the doorbell's edge; a wake for another reason is allowed,
                       but nothing may depend on it */
                    if
                    :: doorbell -> doorbell = false
                    :: client_done -> skip /* the channel is closed */
                    fi;
                    store(MODULE, MODULE_PARKED, 0)
                fi
            fi
        fi;
        seen = 0; parked = 0
    od
}

init {
    atomic {
        memory[MODULE_PARKED] = 1; /* a fresh channel */
        run flush(CLIENT); run flush(MODULE);
        run client(); run module()
    }
}
