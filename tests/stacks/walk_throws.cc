// Walks (walkcompare.h) while exceptions are in flight: from destructors, from handlers, and, at
// each instruction, from inside the C++ library that looks for the handler.
#include <algorithm>
#include <csignal>
#include <functional>
#include <map>
#include <sstream>
#include <stdexcept>
#include <string>
#include <vector>

#include "stepping.h"
#include "walkcompare.h"

#define NOINLINE __attribute__((noinline))

static bool stepping;

static void look()
{
    if (!stepping)
        walk_compare(nullptr);
}

struct Guard {
    ~Guard()
    {
        look();
    }
};

static NOINLINE void thrower(int n)
{
    Guard guard;
    std::string text(n, 'x'); // has to be destroyed as well
    if (n == 0)
        throw std::runtime_error("here");
    thrower(n - 1);
    asm volatile("");
}

static NOINLINE void nested(int n)
{
    try {
        thrower(n);
    } catch (const std::runtime_error &) {
        look();
        if (n > 0)
            nested(n - 1);
        try {
            throw;
        } catch (const std::exception &) {
            look();
        }
    }
    asm volatile("");
}

static NOINLINE void library()
{
    std::vector<int> numbers = {5, 3, 1, 4, 2};
    std::sort(numbers.begin(), numbers.end(), [](int a, int b) {
        look();
        return a < b;
    });
    std::map<std::string, std::function<void()>> calls = {{"a", look}};
    calls["a"]();
    std::ostringstream out;
    out << 1.5 << std::endl;
    look();
}

#if defined(__x86_64__)
static void step(int)
{
    walk_alone();
}

static NOINLINE void stepped()
{
    struct sigaction action = {};
    action.sa_handler = step;
    stepping = true;
    sigaction(SIGTRAP, &action, nullptr);
    stepping_on();
    nested(1);
    library();
    stepping_off();
}
#endif

int main()
{
    long wrong = 0;
    nested(4);
    library();
    wrong += walk_report("exceptions of C++");
    walk_alone();
#if defined(__x86_64__)
    stepped();
    // Shortly before it jumps the library has the registers of the function that catches already,
    // in a frame of its own: nobody finds the way from there, and that is counted apart.
    long unwinders = walk_counts.unwinder, walks = walk_counts.walks;
    wrong += walk_report("at each instruction of exceptions") + (unwinders * 50 > walks);
#endif
    return wrong > 0;
}
