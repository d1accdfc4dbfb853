"""What members can do with plots."""

from datetime import date

from django.db import connection
from django.utils import timezone

from allotment.plots.models import Booking, Payment, Plot

MAX_PHOTO = 5 * 1024 * 1024


class Refused(Exception):
    """A wish that cannot be granted."""


def free_plots():
    taken = Booking.objects.filter(ends__isnull=True).values("plot_id")
    return Plot.objects.exclude(pk__in=taken).order_by("number")


def book(plot, member) -> Booking:
    if plot.bookings.filter(ends__isnull=True).exists():
        raise Refused("This plot is taken.")
    return Booking.objects.create(plot=plot, member=member, begins=timezone.localdate())


def leave(plot, member) -> None:
    plot.bookings.filter(member=member, ends__isnull=True).update(ends=date.today())


def add_photo(plot, upload) -> None:
    if upload.size > MAX_PHOTO:
        raise Refused("The photo is larger than 5 MB.")
    plot.photo = upload
    plot.save(update_fields=["photo"])


def record_payment(booking_id: int, amount_cents: int, reference: str) -> None:
    Payment.objects.get_or_create(
        reference=reference,
        defaults={"booking_id": booking_id, "amount_cents": amount_cents},
    )


def income_by_month(year: int) -> list[tuple]:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT date_trunc('month', received), sum(amount_cents) "
            "FROM plots_payment "
            "WHERE extract(year FROM received) = %s "
            "GROUP BY 1 ORDER BY 1",
            [year],
        )
        return cursor.fetchall()
