/*
 * What a probe cannot do well in shell: end by any signal (busybox sh ignores SIGQUIT), hold another process, and make
 * many processes quickly. tests/boot.rs compiles it with musl-gcc and lays it into the guest as /probe.
 */
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

/* probe exit N: with that code. probe die N: by that signal, or with 0 if it does not kill. */
/* probe hold N: stop process N, which no signal stops where it is process 1, and keep it so. */
/* probe orphans N: N thousand children, whose parents leave without waiting for them. */
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
