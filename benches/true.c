/*
 * The payloads of the launch benchmark: `true`, which exits at once, and with -DPAUSE `pause`, which sleeps until it
 * is killed. They have no libc: starting glibc costs as much as a whole launch and would hide half the differences.
 */
#if defined(__x86_64__)
enum { PAUSE_NR = 34, EXIT_GROUP_NR = 231 };
static void call(long number)
{
    long result;
    __asm__ volatile("syscall" : "=a"(result) : "a"(number), "D"(0L) : "rcx", "r11", "memory");
}
#elif defined(__aarch64__)
/* aarch64 has no pause(2): ppoll(NULL, 0, NULL, NULL) sleeps the same way. */
enum { PAUSE_NR = 73, EXIT_GROUP_NR = 94 };
static void call(long number)
{
    register long x0 __asm__("x0") = 0, x1 __asm__("x1") = 0, x2 __asm__("x2") = 0, x3 __asm__("x3") = 0;
    register long x8 __asm__("x8") = number;
    __asm__ volatile("svc 0" : "+r"(x0) : "r"(x1), "r"(x2), "r"(x3), "r"(x8) : "memory");
}
#else
#error "add this architecture's system call instruction here"
#endif

void _start(void)
{
#ifdef PAUSE
    for (;;)
        call(PAUSE_NR);
#endif
    for (;;)
        call(EXIT_GROUP_NR);
}
