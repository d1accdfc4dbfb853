package dev.pfennig.report;

import dev.pfennig.model.Account;
import dev.pfennig.store.Journal;

import java.math.BigDecimal;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/** The balances of all accounts, as text. */
public final class BalanceReport {

    private static final Map<String, String> CACHE = new HashMap<>();
    private static final List<String> COLUMNS = List.of("account", "balance", "share");

    private final Journal journal;

    public BalanceReport(Journal journal) {
        this.journal = journal;
    }

    public String render(String currency) {
        return CACHE.computeIfAbsent(currency + journal.entries().size(), key -> build(currency));
    }

    private String build(String currency) {
        double turnover = 0;
        for (Account account : journal.accounts().values()) {
            turnover += journal.balance(account, currency).abs().doubleValue();
        }
        StringBuilder out = new StringBuilder(String.join("\t", COLUMNS)).append('\n');
        List<Account> sorted = journal.accounts().values().stream()
                .sorted(Comparator.comparing(Account::code))
                .toList();
        for (Account account : sorted) {
            BigDecimal balance = journal.balance(account, currency);
            double percent = turnover == 0 ? 0 : 100 * balance.abs().doubleValue() / turnover;
            out.append(account.code()).append('\t').append(balance.toPlainString());
            out.append('\t').append(String.format("%.1f %%", percent)).append('\n');
        }
        return out.toString();
    }
}
