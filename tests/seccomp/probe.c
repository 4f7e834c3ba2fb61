/* Makes system calls and tells what came of each, a line: the word that asked for it and an errno, `ok`, `signal N`,
 * `exit` or `blocks`. A word is NUMBER[:ARGUMENT]..., a range of numbers, or i386:NUMBER for the gate of 32-bit programs.
 * Arguments that are not said are all ones, which no call can do anything with. Each call has a process of its own. */
#define _GNU_SOURCE
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static long make(long number, int gate, const unsigned long *a) {
#ifdef __x86_64__
    if (gate) {
        long result;
        __asm__ volatile("int $0x80" : "=a"(result) : "a"(number) : "memory", "r8", "r9", "r10", "r11");
        return result;
    }
#endif
    long result = syscall(number, a[0], a[1], a[2], a[3], a[4], a[5]);
    return result == -1 ? -errno : 0;
}

static void try(const char *word, long number, int gate, const unsigned long *arguments) {
    int answer[2], status;
    long result;
    char told[64] = "blocks";
    if (pipe(answer)) exit(3);
    pid_t child = fork();
    if (child == 0) {
        close(answer[0]);
        /* What the call may close or put elsewhere is not the pipe. */
        int out = dup2(answer[1], 900);
        close(answer[1]);
        pid_t self = getpid();
        result = make(number, gate, arguments);
        /* The calls that make processes return twice. */
        if (getpid() != self) _exit(0);
        write(out, &result, sizeof result);
        _exit(0);
    }
    close(answer[1]);
    struct pollfd ready = {answer[0], POLLIN, 0};
    if (poll(&ready, 1, 1000) == 1) {
        if (read(answer[0], &result, sizeof result) == sizeof result) {
            snprintf(told, sizeof told, result < 0 ? "%ld" : "ok", -result);
            waitpid(child, &status, 0);
        } else {
            waitpid(child, &status, 0);
            snprintf(told, sizeof told, WIFSIGNALED(status) ? "signal %d" : "exit", WTERMSIG(status));
        }
    } else {
        kill(child, SIGKILL);
        waitpid(child, &status, 0);
    }
    close(answer[0]);
    printf("%s %s\n", word, told);
}

int main(int count, char **words) {
    for (int at = 1; at < count; at++) {
        unsigned long arguments[6] = {-1UL, -1UL, -1UL, -1UL, -1UL, -1UL};
        char *word = words[at], *rest, name[32];
        int gate = !strncmp(word, "i386:", 5);
        long first = strtol(word + 5 * gate, &rest, 0), last = first;
        if (*rest == '-') last = strtol(rest + 1, &rest, 0);
        for (int each = 0; *rest == ':' && each < 6; each++) arguments[each] = strtoul(rest + 1, &rest, 0);
        if (*rest) return 2;
        if (last == first) try(word, first, gate, arguments);
        for (long number = first; last > first && number <= last; number++) {
            snprintf(name, sizeof name, "%ld", number);
            try(name, number, 0, arguments);
        }
    }
    return fflush(stdout) ? 4 : 0;
}
