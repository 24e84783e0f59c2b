/* What the recorder takes for granted of NCCL, against NCCL's own header: compiled, never run. Each
 * hooked function is called with arguments of the types that its hook has; too many, too few or
 * other ones do not compile. */
#include <nccl.h>
#include <stddef.h>

#define TYPE(name, number, bytes) _Static_assert((name) == (number), #name " is " #number);
#include "shim/nccl/nccltypes.def"
#define TYPE(name, number, bytes) +1
_Static_assert(ncclNumTypes == 0
#include "shim/nccl/nccltypes.def"
               , "all types are known");
_Static_assert(ncclSuccess == 0 && ncclInternalError == 3 && ncclInProgress == 7, "results");
_Static_assert(sizeof(ncclUniqueId) == 128, "bytes of an identifier");

#define mt_comm ncclComm_t
#define mt_stream cudaStream_t
#define mt_window ncclWindow_t
#define mt_unique_id ncclUniqueId
#define struct /* the only one among the parameters is an identifier, which has no tag there */

#define NCCL(symbol, parameters, arguments, note)                                                  \
    int check_##symbol parameters;                                                                 \
    int check_##symbol parameters                                                                  \
    {                                                                                              \
        return (int)symbol arguments;                                                              \
    }
#include "shim/nccl/nccl.def"
