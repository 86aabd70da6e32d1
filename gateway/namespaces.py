"""/v1/namespaces: a namespace as a whole. It begins with the first record in it, and ends here."""

from __future__ import annotations

from actors.memory import messages as memory
from gateway.bodies import NamespaceQuery
from gateway.errors import HttpError
from gateway.incoming import Incoming
from gateway.route import Routes

__all__ = ["routes"]

routes = Routes("Namespaces")


@routes.delete("/v1/namespaces/{id}")
async def forget(call: Incoming, query: NamespaceQuery) -> memory.NamespaceForgotten:
    """Forget all that belongs to a namespace, and its name.

    Answers with how much there was once it has left memory's files; everybody else lets go of theirs within a second or so. One
    that is forgotten already, or never was, is no error.
    """
    name = call.path("id")
    if query.namespace not in {None, name}:
        raise HttpError(400, "invalid", "the query's namespace and the path's are not the same", param="namespace")
    if await call.has_body():
        # Whoever sends one wants less forgotten than everything.
        raise HttpError(400, "invalid", "a namespace is forgotten whole: this takes no body")

    call.settle(name)
    told: memory.NamespaceForgotten = await call.ask(memory.ForgetNamespace(namespace=name), key=call.write_key)
    return told
