"""Call trusted modules of a secure world from Python.

    import cloister

    with cloister.World("demo") as world, world.session("vault") as session:
        blob = session.call("put", b"a secret")

The verbs are those of include/cloister/client.h, without metrics and reserved memory; what fails
there raises Error here, with the status and who decided it. Needs libcloister.so and nothing beyond
the standard library: the file that $CLOISTER_LIBRARY names, else the one of a build tree round this
package, else the loader's.
"""

from cloister.error import Error, Origin, Status
from cloister.facts import Direction, GuestFacts, Isolation, Method, ModuleFacts, ModuleState
from cloister.facts import Parameter, WorldFacts, WorldState
from cloister.session import Pending, Session
from cloister.world import World

__all__ = [
    "Direction",
    "Error",
    "GuestFacts",
    "Isolation",
    "Method",
    "ModuleFacts",
    "ModuleState",
    "Origin",
    "Parameter",
    "Pending",
    "Session",
    "Status",
    "World",
    "WorldFacts",
    "WorldState",
]
