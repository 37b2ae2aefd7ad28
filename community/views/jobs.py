"""A job's page: how far it is, and what came of it."""

from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.utils.http import content_disposition_header
from django.views.decorators.http import require_safe

from community.access import SignedInRequest, staff
from community.models import Community, Job, Role, StoredFile
from community.services.jobs import label_of


@staff(Role.CLERK, Role.ACCOUNTANT)
@require_safe
def job(request: SignedInRequest, community: Community, pk: int) -> HttpResponse:
    """One job; while it runs its bar fetches itself anew, and then leads on to the result."""
    found = get_object_or_404(
        Job.objects.filter(community=community).select_related("created_by"), pk=pk
    )
    context = {"community": community, "job": found, "label": label_of(found)}
    if not request.htmx:
        return render(request, "community/job.html", context)
    response = render(request, "community/_job.html", context)
    if found.state == Job.State.DONE and found.result_url:
        response["HX-Redirect"] = found.result_url
    return response


@staff(Role.CLERK, Role.ACCOUNTANT)
@require_safe
def job_file(request: SignedInRequest, community: Community, pk: int) -> HttpResponse:
    """The file that a job made."""
    found = get_object_or_404(Job.objects.filter(community=community), pk=pk)
    if found.file_id is None:
        raise Http404
    return file_response(StoredFile.objects.get(pk=found.file_id))


def file_response(file: StoredFile) -> HttpResponse:
    """A stored file to open (PDF, picture) or to save; never run as a page of ours."""
    shown = file.content_type == "application/pdf" or file.content_type.startswith("image/")
    response = HttpResponse(bytes(file.content), content_type=file.content_type)
    response.headers["Content-Disposition"] = (
        content_disposition_header(as_attachment=not shown, filename=file.name) or "inline"
    )
    response.headers["X-Content-Type-Options"] = "nosniff"
    return response
