/*
 * Which exit status stands for which status.
 */
#include "base/exit_status.h"

int exit_status_of(cloister_status status)
{
    switch (status) {
    case CLOISTER_OK:
        return EXIT_OK;
    case CLOISTER_BAD_ARGUMENT:
    case CLOISTER_BAD_FORMAT:
    case CLOISTER_TOO_BIG:
        return EXIT_BAD_INPUT;
    case CLOISTER_NOT_FOUND:
        return EXIT_NOT_FOUND;
    case CLOISTER_DENIED:
        return EXIT_DENIED;
    case CLOISTER_TIMEOUT:
        return EXIT_TIMEOUT;
    case CLOISTER_DEAD:
        return EXIT_DEAD;
    case CLOISTER_UNSUPPORTED:
        return EXIT_UNAVAILABLE;
    case CLOISTER_REFUSED:
    case CLOISTER_STALE:
    case CLOISTER_CORRUPT:
        return EXIT_REFUSED;
    case CLOISTER_IO:
        return EXIT_IO;
    default:
        return EXIT_FAILED;
    }
}
