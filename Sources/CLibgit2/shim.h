#ifndef KDOPS_CLIBGIT2_SHIM_H
#define KDOPS_CLIBGIT2_SHIM_H
#include <git2.h>
#endif
