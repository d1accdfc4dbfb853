# SPDX-License-Identifier: AGPL-3.0-or-later
# Copyright 2024 the garden club
"""The admin pages of the board."""

from django.contrib import admin
from django.utils.safestring import mark_safe

from allotment.plots.models import Booking, Payment, Plot

TICK = mark_safe("<b class='tick'>&#10003;</b>")


@admin.register(Plot)
class PlotAdmin(admin.ModelAdmin):
    list_display = ("number", "taken")

    @admin.display(description="taken")
    def taken(self, plot):
        return TICK if Booking.objects.filter(plot=plot, ends__isnull=True).exists() else ""


admin.site.register(Booking)
admin.site.register(Payment)
