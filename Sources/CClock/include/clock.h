#ifndef KDOPS_CLOCK_H
#define KDOPS_CLOCK_H

/* Whether the kernel's clock is synchronized with a time server: 1 yes, 0 no, -1 unknown. */
int kdops_clock_is_synchronized(void);
#endif
