package dev.pfennig.cli;

import dev.pfennig.report.BalanceReport;
import dev.pfennig.store.CsvStore;
import dev.pfennig.store.Journal;
import dev.pfennig.store.LedgerException;

import java.nio.file.Path;

/** The command line: "pfennig FILE [CURRENCY]". */
public final class Main {

    private Main() {
    }

    public static void main(String[] args) {
        if (args.length < 1) {
            System.err.println("usage: pfennig FILE [CURRENCY]");
            System.exit(2);
        }
        String currency = args.length > 1 ? args[1] : "EUR";
        try {
            Journal journal = new CsvStore().read(Path.of(args[0]));
            System.out.print(new BalanceReport(journal).render(currency));
        } catch (LedgerException e) {
            System.err.println("pfennig: " + e.getMessage());
            System.exit(1);
        }
    }
}
