package dev.pfennig.model;

import java.math.BigDecimal;
import java.time.LocalDate;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;

/** A dated group of postings whose sum is zero in every currency. */
public record Entry(LocalDate date, String text, List<Posting> postings) {

    public Entry {
        Objects.requireNonNull(date, "date");
        Objects.requireNonNull(text, "text");
        postings = List.copyOf(postings);
        Map<String, BigDecimal> sums = new HashMap<>();
        for (Posting posting : postings) {
            sums.merge(posting.currency(), posting.amount(), BigDecimal::add);
        }
        sums.forEach((currency, sum) -> {
            if (sum.signum() != 0) {
                throw new IllegalArgumentException("off by " + sum + " " + currency + ": " + text);
            }
        });
    }

    /** The same movement the other way round, on another day. */
    public Entry reversedOn(LocalDate day) {
        List<Posting> reversed = postings.stream()
                .map(p -> new Posting(p.account(), p.amount().negate(), p.currency()))
                .toList();
        return new Entry(day, "Reversal: " + text, reversed);
    }
}
