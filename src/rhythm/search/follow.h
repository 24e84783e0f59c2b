/* Iterations that repeat the reference, recognized as their symbols come.
 *
 * A full window is sorted by thread, cut at its anchor, and every iteration is compared with the
 * reference. Most of them are that reference again, symbol by symbol. Where it is known what comes
 * next in each thread, it takes one comparison for each symbol to see that, and the window need not
 * be looked at any more: where it has borders and where levels beat is known by the place in the
 * reference.
 *
 * What is promised: a window that was followed to its end, and is then added by mt_follow_finish,
 * leaves the track, the levels and the window as sorting, cutting and comparing would. So
 * - each thread's symbols must be the reference's, from its first to its last, again and again.
 *   How threads interleave between two borders does not matter to a comparison, so it does not
 *   matter here;
 * - at a border every thread must be at the end of its part: what another thread does late belongs
 *   to the next iteration, and neither of them is the reference then;
 * - borders must be where the reference begins, and nowhere else. So in a reference that follows
 *   itself the anchor that tells a border stands once, and what iterations begin with stands first:
 *   this is looked at when following begins. How often that stands before the anchor depends on how
 *   threads interleave if it is another thread's, and is looked at each time the anchor comes;
 * - a border is one only when the anchor and what the iteration begins with are all there. A window
 *   that is full before that is not taken;
 * - a level beats where its anchor ends, if that begins in the same window;
 * - something that was not recorded ends it.
 *
 * Symbols are put into the window all the same. At the first that is not expected following ends,
 * nothing of it remains, and the window is looked at as if nobody had followed; so is the last one
 * of a trace. It begins anew behind the next full window.
 *
 *     mt_follow_begin(follow, window, track, cut, nesting)    the window begins at a border
 *     mt_follow_add(follow, window, symbol, n, &taken)        fewer than n: it has ended
 *     if (mt_follow_is_whole(follow))                         the window is full
 *         mt_follow_finish(follow, window, track, nesting)    it may begin again */
#ifndef MT_FOLLOW_H
#define MT_FOLLOW_H

#include "rhythm/borders/choose.h"
#include "rhythm/compare/track.h"
#include "rhythm/levels/nesting.h"

/* What a thread does next. */
struct mt_step {
    uint64_t size;
    uint32_t what, id;
    uint16_t kind;  /* or marked, where there is more to do; 0: the thread's part ends */
    uint16_t beats; /* bit of each level whose anchor ends here */
};

struct mt_beats {
    uint32_t *at; /* positions of a level's beats in the window */
    uint32_t n, room;
};

struct mt_follow {
    bool on;
    bool merged;  /* all symbols are of thread 0 */
    bool planned; /* what follows is made for the reference, the cut and the levels at hand */
    uint32_t reference;
    struct mt_step *step;     /* thread by thread, each with one of kind 0 behind */
    uint32_t *begin;          /* of each thread, in step; one more at the end */
    uint32_t threads, thread; /* thread: that of borders */
    bool told;                /* borders are told by what comes: */
    uint32_t anchor;          /* the thread in which it is told, */
    uint32_t confirmed;       /* symbols of it that tell the border before them, */
    uint32_t least, most;     /* symbols of the border's thread up to the anchor */
    uint32_t begun;           /* of these those in which what the iteration begins with ends */
    uint32_t length[MT_LEVELS_MAX]; /* of each level's anchor */
    /* Of the window. */
    const struct mt_step **next; /* of each thread */
    uint32_t *border;            /* positions */
    uint32_t borders, border_room;
    struct mt_beats beats[MT_LEVELS_MAX];
};

/* Begin with what is in the window; follow->on: it can be followed. Not `planned` any more if the
 * cut or the levels have changed. MT_ERR_MEMORY. */
int mt_follow_begin(struct mt_follow *follow, const struct mt_window *window,
                    const struct mt_track *track, const struct mt_cut *cut,
                    const struct mt_nesting *nesting);

/* Add symbols to the window up to the first that is not expected. */
int mt_follow_add(struct mt_follow *follow, struct mt_window *window,
                  const struct mt_symbol *symbol, size_t n, size_t *taken);

/* Whether the window has iterations, and its last border is told. */
bool mt_follow_is_whole(const struct mt_follow *follow);

/* The iterations go to the track, the levels' beats are counted; what follows the last border
 * stays in the window. */
int mt_follow_finish(struct mt_follow *follow, struct mt_window *window, struct mt_track *track,
                     struct mt_nesting *nesting);

void mt_follow_release(struct mt_follow *follow);

#endif
