/*
 * Six files as one: checked first, moved with a way back.
 */
#include "tools/interface_files.h"

#include "base/scope.h"

#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>

/* What every file starts with (tools/interface/interface_text.py). */
static const char mark[] = "/* Made by 'cloister interface' from ";

static const char *const suffixes[] = {".pb.h",     ".pb.c",     "_client.h",
                                       "_client.c", "_module.h", "_module.c"};

struct move {
    const char *name;
    const char *from_path;
    const char *to_path;
    int from;
    int to;
};

static void file_name(char path[NAME_MAX], const char *name, unsigned i, const char *more)
{
    (void)snprintf(path, NAME_MAX, "%s%s%s", name, suffixes[i], more);
}

static bool is_ours(int folder, const char *path)
{
    char first[sizeof mark - 1];
    AUTO_FD int fd = openat(folder, path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOFOLLOW);
    return fd >= 0 && read(fd, first, sizeof first) == (ssize_t)sizeof first &&
           memcmp(first, mark, sizeof first) == 0;
}

static cloister_status check_target(const struct move *move, unsigned i, struct reason *why)
{
    char path[NAME_MAX];
    struct stat st;
    file_name(path, move->name, i, "");
    if (fstatat(move->to, path, &st, AT_SYMLINK_NOFOLLOW) != 0)
        return errno == ENOENT ? CLOISTER_OK
                               : refuse_errno(why, "cannot examine %s/%s", move->to_path, path);
    if (S_ISREG(st.st_mode) && is_ours(move->to, path))
        return CLOISTER_OK;
    return refuse(why, CLOISTER_BAD_ARGUMENT,
                  "%s/%s exists and was not made by this command; move it away or choose another "
                  "folder",
                  move->to_path, path);
}

static void put_back(const struct move *move, unsigned i)
{
    char path[NAME_MAX];
    char old[NAME_MAX];
    file_name(path, move->name, i, "");
    file_name(old, move->name, i, ".old");
    if (renameat(move->from, old, move->to, path) != 0)
        (void)unlinkat(move->to, path, 0);
}

static cloister_status move_one(const struct move *move, unsigned i, struct reason *why)
{
    char path[NAME_MAX];
    char old[NAME_MAX];
    file_name(path, move->name, i, "");
    file_name(old, move->name, i, ".old");
    bool had = renameat(move->to, path, move->from, old) == 0;
    if (!had && errno != ENOENT)
        return refuse_errno(why, "cannot replace %s/%s", move->to_path, path);
    if (renameat(move->from, path, move->to, path) == 0)
        return CLOISTER_OK;
    cloister_status status = refuse_errno(why, "cannot write %s/%s", move->to_path, path);
    if (had)
        (void)renameat(move->from, old, move->to, path);
    return status;
}

cloister_status interface_files_move(const char *name, const char *from, const char *to,
                                     struct reason *why)
{
    AUTO_FD int from_fd = open(from, O_PATH | O_DIRECTORY | O_CLOEXEC);
    AUTO_FD int to_fd = open(to, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (from_fd < 0 || to_fd < 0)
        return refuse_errno(why, "cannot open folder %s", from_fd < 0 ? from : to);
    struct move move = {name, from, to, from_fd, to_fd};
    for (unsigned i = 0; i < ARRAY_SIZE(suffixes); i++) {
        cloister_status status = check_target(&move, i, why);
        if (status != CLOISTER_OK)
            return status;
    }
    for (unsigned i = 0; i < ARRAY_SIZE(suffixes); i++) {
        cloister_status status = move_one(&move, i, why);
        while (status != CLOISTER_OK && i > 0)
            put_back(&move, --i);
        if (status != CLOISTER_OK)
            return status;
    }
    return CLOISTER_OK;
}

void interface_files_remove(const char *name, const char *folder)
{
    AUTO_FD int fd = open(folder, O_PATH | O_DIRECTORY | O_CLOEXEC);
    for (unsigned i = 0; fd >= 0 && i < ARRAY_SIZE(suffixes); i++) {
        char path[NAME_MAX];
        file_name(path, name, i, "");
        (void)unlinkat(fd, path, 0);
        file_name(path, name, i, ".old");
        (void)unlinkat(fd, path, 0);
    }
    (void)rmdir(folder);
}
