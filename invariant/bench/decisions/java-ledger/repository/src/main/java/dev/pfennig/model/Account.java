package dev.pfennig.model;

import java.util.Objects;

/** An account of the chart of accounts, such as "assets:bank". */
public final class Account {

    private final String code;
    private final AccountType type;
    private String title;

    public Account(String code, AccountType type, String title) {
        this.code = Objects.requireNonNull(code, "code");
        this.type = Objects.requireNonNull(type, "type");
        this.title = Objects.requireNonNull(title, "title");
        if (code.isBlank() || code.contains(" ")) {
            throw new IllegalArgumentException("not an account code: '" + code + "'");
        }
    }

    public String code() {
        return code;
    }

    public AccountType type() {
        return type;
    }

    public String title() {
        return title;
    }

    /** Gives the account another title; its code stays what it is. */
    public void rename(String newTitle) {
        this.title = Objects.requireNonNull(newTitle, "newTitle");
    }

    @Override
    public boolean equals(Object other) {
        return other instanceof Account account && code.equals(account.code);
    }

    @Override
    public int hashCode() {
        return code.hashCode();
    }

    @Override
    public String toString() {
        return code;
    }
}
