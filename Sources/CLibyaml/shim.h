#ifndef KDOPS_CLIBYAML_SHIM_H
#define KDOPS_CLIBYAML_SHIM_H
#include <yaml.h>
#endif
