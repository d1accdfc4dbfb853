package dev.pfennig.store;

import dev.pfennig.model.Account;
import dev.pfennig.model.Entry;
import dev.pfennig.model.Posting;

import java.math.BigDecimal;
import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** All entries in the order in which they were booked. */
public final class Journal {

    private final List<Entry> entries = new ArrayList<>();
    private final Map<String, Account> accounts = new LinkedHashMap<>();

    /**
     * Books an entry.
     *
     * @throws LedgerException when the entry touches an account that was never opened
     */
    public void book(Entry entry) {
        for (Posting posting : entry.postings()) {
            if (!accounts.containsKey(posting.account().code())) {
                throw new LedgerException("unknown account " + posting.account());
            }
        }
        entries.add(entry);
    }

    /**
     * Opens an account.
     *
     * @throws LedgerException when the code is taken
     */
    public void open(Account account) {
        if (accounts.putIfAbsent(account.code(), account) != null) {
            throw new LedgerException("account exists: " + account);
        }
    }

    /** Every entry, oldest first. Throws nothing. */
    public List<Entry> entries() {
        return entries;
    }

    /** The accounts by code. Throws nothing. */
    public Map<String, Account> accounts() {
        return Collections.unmodifiableMap(accounts);
    }

    public BigDecimal balance(Account account, String currency) {
        if (!accounts.containsKey(account.code())) {
            throw new LedgerException("unknown account " + account);
        }
        BigDecimal sum = BigDecimal.ZERO;
        for (Entry entry : entries) {
            for (Posting posting : entry.postings()) {
                if (posting.account().equals(account) && posting.currency().equals(currency)) {
                    sum = sum.add(posting.amount());
                }
            }
        }
        return sum;
    }
}
