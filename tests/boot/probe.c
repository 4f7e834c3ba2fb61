/*
 * What a probe cannot do well in shell: end by any signal (busybox sh ignores SIGQUIT), hold another process, and make
 * many processes quickly. tests/boot.rs compiles it with musl-gcc and lays it into the guest as /probe.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

/* probe exit N: with that code. probe die N: by that signal, or with 0 if it does not kill. */
/* probe hold N: stop process N, which no signal stops where it is process 1, and keep it so. */
/* probe orphans N: N thousand children, whose parents leave without waiting for them. */
/* probe zombies N: N thousand children that nobody waits for as long as this process lives. */
/* probe clients N: N clients of process 1, of which every other one asks all the time and reads nothing. */
static int clients(int count) {
    struct sockaddr_un address = {AF_UNIX, "/run/contain/init.sock"};
    int all[64];
    for (int i = 0; i < count && i < 64; i++) {
        all[i] = socket(AF_UNIX, SOCK_SEQPACKET, 0);
        if (connect(all[i], (struct sockaddr *)&address, sizeof address) < 0)
            return 1;
    }
    puts("ready");
    fflush(stdout);
    for (;;)
        for (int i = 0; i < count && i < 64; i += 2)
            send(all[i], "\0", 1, MSG_DONTWAIT | MSG_NOSIGNAL);
}

int main(int argc, char **argv) {
    if (argc != 3)
        return 125;
    int number = atoi(argv[2]);
    if (!strcmp(argv[1], "exit"))
        return number;
    if (!strcmp(argv[1], "die"))
        return kill(getpid(), number);
    if (!strcmp(argv[1], "hold")) {
        if (ptrace(PTRACE_SEIZE, number, 0, 0) || ptrace(PTRACE_INTERRUPT, number, 0, 0))
            return 1;
        for (;;)
            pause();
    }
    if (!strcmp(argv[1], "clients"))
        return clients(number);
    if (!strcmp(argv[1], "zombies")) {
        for (int i = 0; i < number * 1000; i++) {
            pid_t child = vfork();
            if (child < 0)
                return 1;
            if (child == 0)
                _exit(0);
        }
        puts("ready");
        fflush(stdout);
        for (;;)
            pause();
    }
    if (strcmp(argv[1], "orphans"))
        return 125;
    while (number-- > 0) {
        pid_t parent = fork();
        if (parent == 0) {
            for (int i = 0; i < 1000; i++) {
                /* vfork, because copying page tables is slow on an emulated machine. */
                pid_t child = vfork();
                if (child < 0)
                    _exit(1);
                if (child == 0)
                    _exit(0);
            }
            _exit(0);
        }
        int status;
        if (parent < 0 || waitpid(parent, &status, 0) < 0 || status != 0)
            return 1;
    }
    return 0;
}
