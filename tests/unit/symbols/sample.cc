// Functions of every shape for names.py: C++ names, inlined ones, static ones, a lambda, a template.
#include <cstdio>
#include <cstdlib>
#include <vector>

extern "C" __attribute__((noinline, visibility("default"))) void *sample_leaf(unsigned long size)
{
    return std::malloc(size + 1);
}

namespace store {
namespace {

__attribute__((noinline)) void *hidden(unsigned long size)
{
    void *block = sample_leaf(size);
    std::free(sample_leaf(3));
    return block;
}

} // namespace

inline __attribute__((always_inline)) void *innermost(unsigned long size)
{
    void *block = hidden(size * 2);
    return block;
}

inline __attribute__((always_inline)) void *middle(unsigned long size)
{
    return innermost(size + 4);
}

template <typename T> struct Pool {
    std::vector<T *> blocks;
    __attribute__((noinline)) void take(unsigned long n)
    {
        auto one = [this](unsigned long size) __attribute__((noinline)) {
            blocks.push_back(static_cast<T *>(middle(size)));
        };
        for (unsigned long i = 0; i < n; i++)
            one(i);
    }
};

} // namespace store

__attribute__((noinline, noreturn)) static void last(int code)
{
    std::exit(code); // the call is the last instruction: its return address lies outside
}

__attribute__((visibility("default"))) int run(int n)
{
    store::Pool<int> ints;
    store::Pool<double> doubles;
    ints.take(static_cast<unsigned long>(n));
    doubles.take(2);
    std::printf("%zu\n", ints.blocks.size() + doubles.blocks.size());
    if (n > 100)
        last(n);
    return 0;
}

#ifdef MAIN
int main(int argc, char **)
{
    return run(argc);
}
#endif
