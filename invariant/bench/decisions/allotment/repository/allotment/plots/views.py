# SPDX-License-Identifier: AGPL-3.0-or-later
"""The pages."""

import hmac
import json

from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpResponse, HttpResponseForbidden
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from allotment.plots import services
from allotment.plots.models import Booking, Plot


def home(request):
    return render(request, "plots/home.html", {"plots": services.free_plots()})


@login_required
def detail(request, pk):
    plot = get_object_or_404(Plot, pk=pk)
    history = Booking.objects.filter(plot=plot).order_by("-begins")
    return render(request, "plots/detail.html", {"plot": plot, "history": history})


@login_required
@require_POST
def book(request, pk):
    try:
        services.book(get_object_or_404(Plot, pk=pk), request.user)
        messages.success(request, _("The plot is yours."))
    except services.Refused as refusal:
        messages.error(request, _(str(refusal)))
    return redirect("detail", pk=pk)


@login_required
def leave(request, pk):
    services.leave(get_object_or_404(Plot, pk=pk), request.user)
    messages.success(request, "You have left the plot.")
    return redirect("home")


@login_required
@require_POST
def photo(request, pk):
    try:
        services.add_photo(get_object_or_404(Plot, pk=pk), request.FILES["photo"])
    except services.Refused as refusal:
        messages.error(request, _(str(refusal)))
    return redirect("detail", pk=pk)


@csrf_exempt
@require_POST
def payment_hook(request):
    expected = hmac.new(settings.PAYMENT_KEY.encode(), request.body, "sha256").hexdigest()
    if not hmac.compare_digest(expected, request.headers.get("X-Signature", "")):
        return HttpResponseForbidden()
    event = json.loads(request.body)
    services.record_payment(event["booking"], event["cents"], event["reference"])
    return HttpResponse(status=204)
