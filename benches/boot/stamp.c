/* The workload of a boot that is measured. It tells, on the machine's second serial line: when the kernel ran /init, when
 * this program began, when it will end, what process 1 holds in memory, and what is mounted. Times are the kernel log's
 * own, in microseconds. It ends at a moment that it told before, so that the telling itself is not measured. */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

static char text[16384];

static long now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return time.tv_sec * 1000000L + time.tv_nsec / 1000;
}

/* Reads what there is, and ends it with a zero: stdio would be the largest part of this program. */
static ssize_t get(int file)
{
    ssize_t length = read(file, text, sizeof text - 1);
    text[length < 0 ? 0 : length] = 0;
    return length;
}

static void put(int file, const char *words)
{
    size_t length = strlen(words);
    while (length > 0) {
        ssize_t written = write(file, words, length);
        if (written < 0)
            _exit(1);
        words += written;
        length -= written;
    }
}

/* The time of the first record of the kernel's log, from where it stands, that begins with these words:
 * `priority,sequence,time,flags;words`. */
static long logged(int log, const char *words)
{
    while (get(log) > 0) {
        char *told = strchr(text, ';'), *time = strchr(text, ',');
        time = time ? strchr(time + 1, ',') : 0;
        if (told && time && !strncmp(told + 1, words, strlen(words)))
            return atol(time + 1);
    }
    return -1;
}

static void fact(int file, const char *name, long value)
{
    char digits[24], *first = digits + sizeof digits - 1;
    *first = 0;
    for (unsigned long rest = value < 0 ? 0 : value; first == digits + sizeof digits - 1 || rest > 0; rest /= 10)
        *--first = '0' + rest % 10;
    put(file, name);
    put(file, first);
    put(file, "\n");
}

int main(void)
{
    long start = now();
    int log = open("/dev/kmsg", O_RDWR | O_NONBLOCK);
    int facts = open("/dev/ttyS1", O_WRONLY | O_NOCTTY);
    if (log < 0 || facts < 0)
        return 1;
    long run = logged(log, "Run /");
    /* Both clocks at one moment. */
    lseek(log, 0, SEEK_END);
    long before = now();
    /* Without its newline the kernel would wait for the rest of the line. */
    put(log, "<7>stamp\n");
    long offset = logged(log, "stamp") - before;
    /* What process 1 holds while it waits, not while it starts this. */
    usleep(200000);
    get(open("/proc/1/smaps_rollup", O_RDONLY));
    char *pss = strstr(text, "Pss:");
    fact(facts, "pss=", pss ? atol(pss + 4) : 0);
    int mounts = open("/proc/mounts", O_RDONLY);
    put(facts, "mounts:\n");
    while (get(mounts) > 0)
        put(facts, text);
    long end = now() + 200000;
    fact(facts, "run=", run);
    fact(facts, "start=", start + offset);
    fact(facts, "end=", end + offset);
    tcdrain(facts);
    close(facts);
    while (now() < end)
        ;
    _exit(0);
}
