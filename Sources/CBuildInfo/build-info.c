#include "build-info.h"

#ifndef KDOPS_COMMIT
#define KDOPS_COMMIT ""
#endif

const char *kdops_commit(void) { return KDOPS_COMMIT; }
