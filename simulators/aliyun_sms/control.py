"""The control API: read what was sent, report what became of it."""

from dataclasses import asdict

from simulators.aliyun_sms import messages
from simulators.aliyun_sms.office import Office
from simulators.controls import add_fault_routes, number_after
from simulators.web import Application, Refused, Request, Response, json_response


def add_routes(application: Application, office: Office) -> None:
    add_fault_routes(application)
    route = application.route

    @route("GET", "/control/messages")
    def show(request: Request) -> Response:
        return json_response({"messages": messages.find(office.messages, request.query)})

    @route("GET", "/control/messages/wait")
    def wait(request: Request) -> Response:
        after = number_after(request)
        found = office.messages.wait_for(
            lambda: messages.find(office.messages, request.query, after=after),
            seconds=request.seconds("timeout", default=10),
        )
        if not found:
            raise Refused(408, "TIMEOUT", "No such message came")
        return json_response(found[-1])

    @route("POST", "/control/reports")
    def report(request: Request) -> Response:
        asked = request.json()
        wanted = {name: str(asked.get(name, "")) for name in ("biz_id", "out_id")}
        found = messages.find(office.messages, wanted) if any(wanted.values()) else []
        if not found:
            raise Refused(404, "NOT_FOUND", "No message has this biz_id or out_id")
        success = bool(asked.get("success", True))
        default = "DELIVERED" if success else "MOBILE_NOT_ON_SERVICE"
        err_code = str(asked.get("err_code", default))
        messages.report(office.messages, found, success=success, err_code=err_code)
        return json_response(asdict(office.reports.send(messages.find(office.messages, wanted))))

    @route("POST", "/control/settings")
    def settings(request: Request) -> Response:
        office.reports.change(request.json())
        return json_response(office.reports.settings())

    @route("POST", "/control/templates")
    def templates(request: Request) -> Response:
        added = {code: str(text) for code, text in request.json().items()}
        office.account.templates.update(added)
        return json_response(office.account.templates)

    @route("POST", "/control/reset")
    def reset(request: Request) -> Response:
        office.faults.clear()
        office.reports.reset()
        office.account.restore_templates()
        office.messages.execute("DELETE FROM messages")
        return Response(204)
