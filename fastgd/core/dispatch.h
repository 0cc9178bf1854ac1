/* What Cython cannot say: run-time SIMD dispatch, prefetch, the bits of a double, and the few
   atomic operations with which threads share the blocks of a batch.
   The only C of the project.

   A kernel is compiled three times (AVX-512, AVX2 with FMA, baseline) and the loader picks one
   by cpuid, so one wheel serves every x86-64 machine. The attribute belongs on the function that
   holds the loop; inline leaves are compiled into each copy. Elsewhere (other compilers, musl and
   macOS, which have no ifuncs, and FASTGD_SIMD=baseline) the macro is empty. */
#ifndef FASTGD_DISPATCH_H
#define FASTGD_DISPATCH_H

#if defined(_WIN32)
#ifndef WIN32_LEAN_AND_MEAN
#define WIN32_LEAN_AND_MEAN
#endif
#ifndef NOMINMAX
#define NOMINMAX
#endif
#include <windows.h>
/* Strict C99 hides nanosleep without this; Python.h, where it comes first, has said it already. */
#elif !defined(_POSIX_C_SOURCE)
#define _POSIX_C_SOURCE 200809L
#endif

#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <time.h>

/* What gcc and clang understand beyond C; clang does so also where it stands in for MSVC. */
#if defined(__GNUC__) || defined(__clang__)
#define FASTGD_GNU 1
#else
#define FASTGD_GNU 0
#endif

#if defined(_MSC_VER)
#include <intrin.h>
#endif

#if defined(__x86_64__) && defined(__gnu_linux__) && defined(__GLIBC__) && defined(__GNUC__) \
    && !defined(__clang__) && __GNUC__ >= 12 && !defined(FASTGD_SIMD_BASELINE)
#define FASTGD_DISPATCHED 1
#define FASTGD_KERNEL_VOID \
    __attribute__((target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default"))) void
#else
#define FASTGD_DISPATCHED 0
#define FASTGD_KERNEL_VOID void
#endif

/* Into the second-level cache: the first has few buffers for lines under way (a step on a random
   row of 784 doubles takes 0.48 us so, 0.88 us with locality 3). The empty asm keeps it: gcc takes a
   function that only prefetches for one without effect, and drops its calls. */
#if FASTGD_GNU
#define FASTGD_PREFETCH(address) \
    do { __builtin_prefetch((address), 0, 2); __asm__ volatile(""); } while (0)
#elif defined(_M_X64)
#define FASTGD_PREFETCH(address) _mm_prefetch((const char *)(address), _MM_HINT_T1)
#else
#define FASTGD_PREFETCH(address) ((void)(address))
#endif

/* A vector that no other argument overlaps. gcc checks that by itself at run time, but for at most
   ten pairs of pointers: a kernel with more stays scalar without this. */
typedef double *
#if FASTGD_GNU
    __restrict__
#elif defined(_MSC_VER)
    __restrict
#endif
        fastgd_own_vector;

/* Four doubles that are added, multiplied and stored together: two registers without AVX, one with
   it. gcc lowers longer ones badly where the machine has no registers of that length. A sum over
   fours has the same order on every machine. Elsewhere (Microsoft's compiler) FASTGD_VECTORS is 0,
   the type stands in for itself, and callers take a loop instead. */
#if FASTGD_GNU
#define FASTGD_VECTORS 1
#if defined(__GNUC__) && !defined(__clang__)
/* How such a type is passed matters to calls only, and nothing below is one. */
#pragma GCC diagnostic ignored "-Wpsabi"
#endif
typedef double fastgd_four __attribute__((vector_size(32)));
typedef double fastgd_stored_four __attribute__((vector_size(32), aligned(8), may_alias));
typedef float fastgd_stored_floats __attribute__((vector_size(16), aligned(4), may_alias));
typedef int64_t fastgd_four_places __attribute__((vector_size(32)));
#define FASTGD_LEAF static inline __attribute__((always_inline, unused))
#if defined(__clang__)
#define FASTGD_MIX(x, y, a, b, c, d) __builtin_shufflevector(x, y, a, b, c, d)
#else
#define FASTGD_MIX(x, y, a, b, c, d) __builtin_shuffle(x, y, (fastgd_four_places){a, b, c, d})
#endif

/* Not written as {x, x, x, x}, of which gcc makes two instructions instead of one. */
FASTGD_LEAF fastgd_four fastgd_all(double x)
{
    return x - (fastgd_four){0.0, 0.0, 0.0, 0.0};
}

FASTGD_LEAF fastgd_four fastgd_load(const double *p)
{
    return *(const fastgd_stored_four *)p;
}

FASTGD_LEAF fastgd_four fastgd_load_floats(const float *p)
{
    return __builtin_convertvector(*(const fastgd_stored_floats *)p, fastgd_four);
}

/* The first n < 4 of them, then zeros. */
FASTGD_LEAF fastgd_four fastgd_load_first(const double *p, ptrdiff_t n)
{
    if (n == 1)
        return (fastgd_four){p[0], 0.0, 0.0, 0.0};
    if (n == 2)
        return (fastgd_four){p[0], p[1], 0.0, 0.0};
    return (fastgd_four){p[0], p[1], p[2], 0.0};
}

FASTGD_LEAF fastgd_four fastgd_load_first_floats(const float *p, ptrdiff_t n)
{
    if (n == 1)
        return (fastgd_four){p[0], 0.0, 0.0, 0.0};
    if (n == 2)
        return (fastgd_four){p[0], p[1], 0.0, 0.0};
    return (fastgd_four){p[0], p[1], p[2], 0.0};
}

FASTGD_LEAF void fastgd_store(double *p, fastgd_four x)
{
    *(fastgd_stored_four *)p = x;
}

FASTGD_LEAF double fastgd_sum(fastgd_four x)
{
    return (x[0] + x[2]) + (x[1] + x[3]);
}

/* The same of four at once. */
FASTGD_LEAF fastgd_four fastgd_sums(fastgd_four a, fastgd_four b, fastgd_four c, fastgd_four d)
{
    fastgd_four ab = FASTGD_MIX(a, b, 0, 4, 2, 6), ab2 = FASTGD_MIX(a, b, 1, 5, 3, 7);
    fastgd_four cd = FASTGD_MIX(c, d, 0, 4, 2, 6), cd2 = FASTGD_MIX(c, d, 1, 5, 3, 7);
    return (FASTGD_MIX(ab, cd, 0, 1, 4, 5) + FASTGD_MIX(ab, cd, 2, 3, 6, 7))
        + (FASTGD_MIX(ab2, cd2, 0, 1, 4, 5) + FASTGD_MIX(ab2, cd2, 2, 3, 6, 7));
}
#else
#define FASTGD_VECTORS 0
typedef double fastgd_four;
#define fastgd_all(x) (x)
#define fastgd_load(p) (*(p))
#define fastgd_load_floats(p) ((double)*(p))
#define fastgd_load_first(p, n) (*(p))
#define fastgd_load_first_floats(p, n) ((double)*(p))
#define fastgd_store(p, x) (*(p) = (x))
#define fastgd_sum(x) (x)
#define fastgd_sums(a, b, c, d) ((a) + (b) + (c) + (d))
#endif

/* memcpy is the defined way to read a double's bits; compilers make it a register move. */
static inline int64_t fastgd_bits(double x)
{
    int64_t bits;
    memcpy(&bits, &x, sizeof bits);
    return bits;
}

static inline double fastgd_from_bits(int64_t bits)
{
    double x;
    memcpy(&x, &bits, sizeof x);
    return x;
}

static inline int64_t fastgd_read(volatile int64_t *p)
{
#if FASTGD_GNU
    return __atomic_load_n(p, __ATOMIC_SEQ_CST);
#else
    return _InterlockedOr64(p, 0);
#endif
}

static inline void fastgd_write(volatile int64_t *p, int64_t x)
{
#if FASTGD_GNU
    __atomic_store_n(p, x, __ATOMIC_SEQ_CST);
#else
    _InterlockedExchange64(p, x);
#endif
}

/* Adds x to *p and returns what was there before. */
static inline int64_t fastgd_add(volatile int64_t *p, int64_t x)
{
#if FASTGD_GNU
    return __atomic_fetch_add(p, x, __ATOMIC_SEQ_CST);
#else
    return _InterlockedExchangeAdd64(p, x);
#endif
}

/* A number that one thread writes, and others may look at meanwhile: no order, and no locked
   operation, only that nobody reads half of it. */
static inline int64_t fastgd_look(const volatile int64_t *p)
{
#if FASTGD_GNU
    return __atomic_load_n(p, __ATOMIC_RELAXED);
#else
    return *p;
#endif
}

static inline void fastgd_show(volatile int64_t *p, int64_t x)
{
#if FASTGD_GNU
    __atomic_store_n(p, x, __ATOMIC_RELAXED);
#else
    *p = x;
#endif
}

/* Makes *users 1 if it is 0, and says whether it did. Callers hold the GIL where there is one, so that
   no two of them are here at once, and no locked operation is spent (10 ns of a step from Python). */
static inline int fastgd_enter(volatile int64_t *users)
{
#if defined(Py_GIL_DISABLED)
    if (fastgd_add(users, 1) == 0)
        return 1;
    fastgd_add(users, -1);
    return 0;
#else
    if (fastgd_read(users) != 0)
        return 0;
    fastgd_show(users, 1);
    return 1;
#endif
}

/* What was written before is seen by the next that enters. */
static inline void fastgd_leave(volatile int64_t *users)
{
#if defined(Py_GIL_DISABLED)
    fastgd_add(users, -1);
#elif FASTGD_GNU
    __atomic_store_n(users, 0, __ATOMIC_RELEASE);
#else
    _InterlockedExchange64(users, 0);
#endif
}

/* One turn of a loop that waits for another thread, and a turn in which others may run. */
static inline void fastgd_pause(void)
{
#if defined(_WIN32)
    YieldProcessor();
#elif FASTGD_GNU && (defined(__x86_64__) || defined(__i386__))
    __builtin_ia32_pause();
#endif
}

static inline void fastgd_nap(void)
{
#if defined(_WIN32)
    Sleep(0);
#else
    struct timespec time = {0, 50000};
    nanosleep(&time, NULL);
#endif
}

/* The floating-point mode in which results too small for a normal double become 0: x86 has it in
   MXCSR (flush to zero, denormals are zero), AArch64 in FPCR. Elsewhere nothing changes. */
/* Of Microsoft's compiler intrin.h, included above, has the two functions. */
#if defined(__SSE2__) || defined(_M_X64)
#if !defined(_MSC_VER)
#include <xmmintrin.h>
#endif
#define FASTGD_MODE() ((uint64_t)_mm_getcsr())
#define FASTGD_SET_MODE(mode) _mm_setcsr((unsigned int)(mode))
#define FASTGD_SMALL ((uint64_t)0x8040)
#elif FASTGD_GNU && defined(__aarch64__)
static inline uint64_t fastgd_mode(void)
{
    uint64_t mode;
    __asm__ volatile("mrs %0, fpcr" : "=r"(mode));
    return mode;
}
#define FASTGD_MODE() fastgd_mode()
#define FASTGD_SET_MODE(mode) __asm__ volatile("msr fpcr, %0" : : "r"((uint64_t)(mode)))
#define FASTGD_SMALL ((uint64_t)1 << 24)
#else
#define FASTGD_MODE() ((uint64_t)0)
#define FASTGD_SET_MODE(mode) ((void)(mode))
#define FASTGD_SMALL ((uint64_t)0)
#endif

/* Setting the mode costs more than asking for it, so it is only set where it differs. */
static inline uint64_t fastgd_flush(void)
{
    uint64_t mode = FASTGD_MODE();
    if ((mode & FASTGD_SMALL) != FASTGD_SMALL)
        FASTGD_SET_MODE(mode | FASTGD_SMALL);
    return mode;
}

static inline uint64_t fastgd_keep_small(void)
{
    uint64_t mode = FASTGD_MODE();
    if (mode & FASTGD_SMALL)
        FASTGD_SET_MODE(mode & ~FASTGD_SMALL);
    return mode;
}

static inline void fastgd_unflush(uint64_t mode)
{
    if ((mode & FASTGD_SMALL) != FASTGD_SMALL || (FASTGD_MODE() & FASTGD_SMALL) != FASTGD_SMALL)
        FASTGD_SET_MODE(mode);
}

/* The instruction set whose copies of the kernels run here. */
static inline const char *fastgd_simd_level(void)
{
#if FASTGD_DISPATCHED
    __builtin_cpu_init();
    if (__builtin_cpu_supports("x86-64-v4"))
        return "x86-64-v4 (AVX-512)";
    if (__builtin_cpu_supports("x86-64-v3"))
        return "x86-64-v3 (AVX2)";
    return "baseline";
#else
    return "baseline (built without dispatch)";
#endif
}

/* What compiled the core. */
static inline const char *fastgd_compiler(void)
{
#if defined(__VERSION__) && defined(__clang__)
    return __VERSION__;
#elif defined(__VERSION__)
    return "gcc " __VERSION__;
#elif defined(_MSC_VER)
#define FASTGD_TEXT(number) #number
#define FASTGD_TEXT_OF(macro) FASTGD_TEXT(macro)
    return "MSVC " FASTGD_TEXT_OF(_MSC_FULL_VER);
#else
    return "unknown";
#endif
}

#endif
