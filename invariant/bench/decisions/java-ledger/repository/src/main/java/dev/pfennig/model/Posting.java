package dev.pfennig.model;

import java.math.BigDecimal;
import java.util.Objects;

/** One line of an entry: an account and the amount that moves; debits are positive. */
public record Posting(Account account, BigDecimal amount, String currency) {

    public Posting {
        Objects.requireNonNull(account, "account");
        Objects.requireNonNull(amount, "amount");
        Objects.requireNonNull(currency, "currency");
        if (currency.length() != 3) {
            throw new IllegalArgumentException("not an ISO 4217 code: " + currency);
        }
    }

    /** True when the other posting undoes this one exactly. */
    public boolean reverses(Posting other) {
        return account.equals(other.account)
                && currency.equals(other.currency)
                && amount.negate().compareTo(other.amount) == 0;
    }

    public boolean isDebit() {
        return amount.signum() > 0;
    }
}
