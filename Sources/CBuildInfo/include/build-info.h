#ifndef KDOPS_BUILD_INFO_H
#define KDOPS_BUILD_INFO_H

/* The commit that this program was built from; empty if the build did not name it. */
const char *kdops_commit(void);
#endif
