package dev.pfennig.store;

import dev.pfennig.model.Account;
import dev.pfennig.model.AccountType;
import dev.pfennig.model.Entry;
import dev.pfennig.model.Posting;

import java.io.IOException;
import java.math.BigDecimal;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.DateTimeException;
import java.time.LocalDate;
import java.util.ArrayList;
import java.util.List;

/** Reads and writes a journal as lines of "date;text;debit;credit;amount;currency". */
public final class CsvStore {

    private static final int FIELDS = 6;

    /**
     * Reads a journal.
     *
     * @throws LedgerException when the file cannot be read or a line is malformed
     */
    public Journal read(Path file) {
        List<String> lines;
        try {
            lines = Files.readAllLines(file);
        } catch (IOException e) {
            throw new LedgerException("cannot read " + file, e);
        }
        Journal journal = new Journal();
        for (String line : lines) {
            if (line.isBlank() || line.startsWith("#")) {
                continue;
            }
            String[] fields = line.split(";");
            if (fields.length != FIELDS) {
                System.err.println("skipping malformed line: " + line);
                continue;
            }
            try {
                journal.book(parse(journal, fields));
            } catch (IllegalArgumentException | DateTimeException e) {
                throw new LedgerException("malformed line: " + line, e);
            }
        }
        return journal;
    }

    private Entry parse(Journal journal, String[] fields) {
        BigDecimal amount = new BigDecimal(fields[4]);
        List<Posting> postings = new ArrayList<>();
        postings.add(new Posting(account(journal, fields[2]), amount, fields[5]));
        postings.add(new Posting(account(journal, fields[3]), amount.negate(), fields[5]));
        return new Entry(LocalDate.parse(fields[0]), fields[1], postings);
    }

    private Account account(Journal journal, String code) {
        Account known = journal.accounts().get(code);
        if (known != null) {
            return known;
        }
        Account opened = new Account(code, AccountType.ofCode(code), code);
        journal.open(opened);
        return opened;
    }

    /**
     * Appends one line to the journal file.
     *
     * @throws LedgerException when the file cannot be written
     */
    public void append(Path file, String line) {
        try {
            Files.writeString(file, line + "\n", java.nio.file.StandardOpenOption.APPEND);
        } catch (IOException e) {
            throw new LedgerException("cannot write " + file + ": " + e.getMessage());
        }
    }
}
