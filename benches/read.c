/*
 * The floor of `contain ps`: lists a directory and reads every record below it, and does nothing with them.
 *
 *   read DIRECTORY COUNT
 */
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

int main(int argc, char **argv)
{
    static char record[1 << 16], path[512];
    DIR *directory = argc == 3 ? opendir(argv[1]) : NULL;
    if (!directory)
        return 2;
    int left = atoi(argv[2]);
    for (struct dirent *entry; (entry = readdir(directory));) {
        snprintf(path, sizeof path, "%s/metadata.json", entry->d_name);
        int file = openat(dirfd(directory), path, O_RDONLY | O_CLOEXEC);
        /* `names` has none. */
        if (file < 0)
            continue;
        while (read(file, record, sizeof record) > 0)
            ;
        close(file);
        left--;
    }
    return left != 0;
}
