/* SPDX-License-Identifier: ISC */
#ifndef PAT_CRC32_H
#define PAT_CRC32_H

#include <stddef.h>
#include <stdint.h>

/* CRC-32 as in IEEE 802.3 and ITU-T V.42 (reflected, polynomial 0x04C11DB7, CRC of "123456789" is
 * 0xCBF43926). Ours because the module may link no library for it. */
uint32_t pat_crc32(const void *data, size_t len);

#endif
