# SPDX-License-Identifier: AGPL-3.0-or-later
"""Plots, bookings and payments."""

from django.conf import settings
from django.db import models


class Plot(models.Model):
    number = models.PositiveSmallIntegerField(unique=True)
    note = models.TextField(blank=True, default="")
    nickname = models.CharField(max_length=40, null=True, blank=True)
    price_cents = models.PositiveIntegerField()
    deposit = models.FloatField(default=0)
    size_m2 = models.FloatField()
    photo = models.ImageField(upload_to="plots/", blank=True)

    def __str__(self) -> str:
        return f"Plot {self.number}"


class Booking(models.Model):
    plot = models.ForeignKey(Plot, on_delete=models.CASCADE, related_name="bookings")
    member = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE)
    begins = models.DateField()
    ends = models.DateField(null=True, blank=True)

    def __str__(self) -> str:
        return f"{self.member} on {self.plot}"


class Payment(models.Model):
    booking = models.ForeignKey(Booking, on_delete=models.PROTECT)
    amount_cents = models.PositiveIntegerField()
    reference = models.CharField(max_length=64, unique=True)
    received = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["-received"]
