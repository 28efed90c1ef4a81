/*
 * Manifest and table of a module whose handlers are C++ (reverse.cc).
 */
#include <cloister/module.h>

cloister_status reverse(cloister_call *call);

CLOISTER_MODULE(.name = "reverse", .version = "1.0.0", .svn = 1, .method_count = 1,
                .method = {CLOISTER_METHOD("reverse", CLOISTER_IN(0, 4096), CLOISTER_OUT(4096))});
CLOISTER_HANDLERS(reverse);
