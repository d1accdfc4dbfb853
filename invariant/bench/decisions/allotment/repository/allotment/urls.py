# SPDX-License-Identifier: AGPL-3.0-or-later
"""Addresses of the site."""

from django.contrib import admin
from django.urls import path

from allotment.plots import views

urlpatterns = [
    path("", views.home, name="home"),
    path("plots/<int:pk>/", views.detail, name="detail"),
    path("plots/<int:pk>/book/", views.book, name="book"),
    path("plots/<int:pk>/leave/", views.leave, name="leave"),
    path("plots/<int:pk>/photo/", views.photo, name="photo"),
    path("payments/hook/", views.payment_hook, name="payment-hook"),
    path("admin/", admin.site.urls),
]
