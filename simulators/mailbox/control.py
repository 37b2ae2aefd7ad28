"""The control API: read what came in."""

from simulators.controls import add_fault_routes, number_after
from simulators.database import Database
from simulators.mailbox import messages
from simulators.web import Application, Refused, Request, Response, json_response


def add_routes(application: Application, store: Database) -> None:
    add_fault_routes(application)
    route = application.route

    @route("GET", "/control/messages")
    def show(request: Request) -> Response:
        found = messages.find(store, request.query)
        return json_response({"messages": [messages.as_json(row) for row in found]})

    @route("GET", "/control/messages/wait")
    def wait(request: Request) -> Response:
        after = number_after(request)
        found = store.wait_for(
            lambda: messages.find(store, request.query, after=after),
            seconds=request.seconds("timeout", default=10),
        )
        if not found:
            raise Refused(408, "TIMEOUT", "No such message came")
        return json_response(messages.as_json(found[-1]))

    @route("POST", "/control/reset")
    def reset(request: Request) -> Response:
        application.faults.clear()
        store.execute("DELETE FROM messages")
        return Response(204)
