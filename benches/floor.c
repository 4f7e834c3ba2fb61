/*
 * The floor of the launch benchmark: a container in as few system calls as Linux allows, in plain C.
 * It is what `contain` is measured against, and it is also the shortest true answer to "what is a container?":
 * read main() and become_container() from top to bottom. It checks little and restores nothing on errors.
 *
 *   floor [--limits] ROOTFS COMMAND [ARG...]
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

/* musl ships no kernel headers, so the few things it lacks are spelled out (include/uapi/linux/sched.h). */
#define INTO_CGROUP 0x200000000ULL /* CLONE_INTO_CGROUP, Linux 5.7 */

struct clone_args {
    uint64_t flags, pidfd, child_tid, parent_tid, exit_signal, stack, stack_size, tls, set_tid, set_tid_size, cgroup;
};

static void die(const char *what)
{
    fprintf(stderr, "floor: %s: %s\n", what, strerror(errno));
    _exit(125);
}

static void check(int result, const char *what)
{
    if (result < 0)
        die(what);
}

/* ---- limits: one row for each file that is written, in the words of both cgroup versions ---- */

static const struct limit {
    const char *v1_controller, *v1_file, *v1_value;
    const char *v2_file, *v2_value;
} limits[] = {
    {"cpu", "cpu.cfs_quota_us", "50000", "cpu.max", "50000 100000"},
    {"pids", "pids.max", "64", "pids.max", "64"},
    /* Memory is last because a process that has joined it is charged for everything it does from then on. */
    {"memory", "memory.limit_in_bytes", "67108864", "memory.max", "67108864"},
};
#define LIMITS (sizeof limits / sizeof *limits)

static char leaf[LIMITS][64]; /* the directories we made: one on v2, one for each controller on v1 */
static int leaves;

static int write_file(const char *dir, const char *file, const char *value)
{
    char path[128];
    snprintf(path, sizeof path, "%s/%s", dir, file);
    int fd = open(path, O_WRONLY);
    if (fd < 0)
        return -1;
    ssize_t n = write(fd, value, strlen(value));
    close(fd);
    return n < 0 ? -1 : 0;
}

static const char *make_leaf(const char *controller)
{
    char *path = leaf[leaves++];
    snprintf(path, sizeof *leaf, "/sys/fs/cgroup%s/floor-%d", controller, getpid());
    check(mkdir(path, 0755), path);
    return path;
}

/* On v2 one directory holds every controller, and the child is born in it: the result is a descriptor for clone3. */
static int make_v2_cgroup(void)
{
    const char *dir = make_leaf("");
    for (size_t i = 0; i < LIMITS; i++) {
        if (write_file(dir, limits[i].v2_file, limits[i].v2_value) == 0)
            continue;
        /* The file exists only once the parent directory has handed the controller down. */
        check(write_file("/sys/fs/cgroup", "cgroup.subtree_control", "+cpu +pids +memory"), "cgroup.subtree_control");
        check(write_file(dir, limits[i].v2_file, limits[i].v2_value), limits[i].v2_file);
    }
    int fd = open(dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
    check(fd, dir);
    return fd;
}

static void make_v1_cgroups(void)
{
    for (size_t i = 0; i < LIMITS; i++) {
        char controller[16];
        snprintf(controller, sizeof controller, "/%s", limits[i].v1_controller);
        check(write_file(make_leaf(controller), limits[i].v1_file, limits[i].v1_value), limits[i].v1_file);
    }
}

/*
 * On v1 the child moves itself: "0" means the thread that writes, and `tasks` moves that thread alone. Moving
 * another process through cgroup.procs would wait for an RCU grace period, ten milliseconds and more.
 */
static void join_v1_cgroups(void)
{
    for (size_t i = 0; i < LIMITS; i++)
        check(write_file(leaf[i], "tasks", "0"), "tasks");
}

/* ---- the child: PID 1 of the new namespaces ---- */

static void bind_device(const char *name)
{
    char from[32], to[32];
    snprintf(from, sizeof from, "/dev/%s", name);
    snprintf(to, sizeof to, "dev/%s", name);
    int fd = open(to, O_WRONLY | O_CREAT, 0666);
    check(fd, to);
    close(fd);
    check(mount(from, to, NULL, MS_BIND, NULL), from);
}

static void become_container(const char *rootfs, char **command)
{
    static const char *const devices[] = {"null", "zero", "full", "random", "urandom", "tty"};
    static char *const environment[] = {"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", NULL};

    /* Our mounts are a copy of the host's, still tied to them: cut the tie, or the host sees what we do. */
    check(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL), "private mounts");
    /* pivot_root wants a mount point, so the directory is mounted on itself; entering it gives us short names. */
    check(mount(rootfs, rootfs, NULL, MS_BIND | MS_REC, NULL), rootfs);
    check(chdir(rootfs), rootfs);
    check(mount("proc", "proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL), "mount proc");
    check(mount("tmpfs", "dev", "tmpfs", MS_NOSUID, "mode=755"), "mount dev");
    for (size_t i = 0; i < sizeof devices / sizeof *devices; i++)
        bind_device(devices[i]);
    /* pivot_root(2), "pivot_root(".", ".")": the old root ends up on top of the new one, and is taken off by name. */
    check(syscall(SYS_pivot_root, ".", "."), "pivot_root");
    check(umount2(".", MNT_DETACH), "detach the old root");
    check(chdir("/"), "chdir /");
    check(sethostname("floor", 5), "sethostname");
    execve(command[0], command, environment);
    die(command[0]);
}

int main(int argc, char **argv)
{
    int limited = argc > 1 && strcmp(argv[1], "--limits") == 0;
    argv += 1 + limited;
    argc -= 1 + limited;
    if (argc < 2) {
        fputs("usage: floor [--limits] ROOTFS COMMAND [ARG...]\n", stderr);
        return 2;
    }

    struct clone_args how = {
        .flags = CLONE_NEWPID | CLONE_NEWUTS | CLONE_NEWNS | CLONE_NEWIPC | CLONE_NEWNET,
        .exit_signal = SIGCHLD,
    };
    int v2 = access("/sys/fs/cgroup/cgroup.controllers", F_OK) == 0;
    if (limited && v2) {
        how.flags |= INTO_CGROUP;
        how.cgroup = make_v2_cgroup();
    } else if (limited) {
        make_v1_cgroups();
    }

    pid_t child = syscall(SYS_clone3, &how, sizeof how);
    check(child, "clone3");
    if (child == 0) {
        if (limited && !v2)
            join_v1_cgroups();
        become_container(argv[0], argv + 1);
    }

    int status;
    check(waitpid(child, &status, 0), "wait");
    while (leaves > 0)
        check(rmdir(leaf[--leaves]), "remove cgroup");
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}
