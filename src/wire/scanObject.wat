;; Follows the strings and brackets of JSON, 64 bytes at a time, as simdjson does: one bit of an i64 for each byte, the
;; lowest for the first. scanObject.ts hands over the bytes, in windows, and the words to look for. V8 does not inline
;; functions, so there are few. `npm run assemble` makes scanModule.ts of it.
(module
  ;; Bit n: some word is n bytes long. No word is longer than 30.
  (import "words" "lengths" (global $lengths i32))
  ;; A string longer than this is no word, not even one written in escapes.
  (import "words" "longestDisguise" (global $longestDisguise i32))

  ;;     0  letters: for each low nibble, one bit for each high nibble with which it begins a word
  ;;    16  words: 30 bytes each, its length, its kind; the last has length 0
  ;;  1024  the bytes before the window
  ;;  1056  window
  ;; 17440  the closing bracket that each depth waits for
  (memory (export "memory") 1)
  (global $words i32 (i32.const 16))
  (global $window (export "window") i32 (i32.const 1056))
  (global $brackets (export "brackets") i32 (i32.const 17440))

  ;; Kinds of words found so far: anywhere, and in the object itself.
  (global $found (export "found") (mut i32) (i32.const 0))
  (global $foundAtTop (export "foundAtTop") (mut i32) (i32.const 0))

  ;; What one block leaves to the next.
  (global $maxDepth (mut i32) (i32.const 0))
  (global $depth (mut i32) (i32.const 0))
  ;; All ones inside a string.
  (global $within (mut i64) (i64.const 0))
  ;; 1 when the next byte is escaped.
  (global $escape (mut i64) (i64.const 0))
  ;; 1 when the next byte is the first of a string.
  (global $first (mut i64) (i64.const 0))
  ;; 1 when the open string may be a word.
  (global $likely (mut i64) (i64.const 0))
  ;; Addresses after the last opening quote and the last escaped `u`, as if earlier windows stood before this one.
  (global $opened (mut i32) (i32.const 0))
  (global $escapedU (mut i32) (i32.const 0))

  (func (export "begin") (param $maxDepth i32)
    (global.set $found (i32.const 0))
    (global.set $foundAtTop (i32.const 0))
    (global.set $maxDepth (local.get $maxDepth))
    (global.set $depth (i32.const 0))
    (global.set $within (i64.const 0))
    (global.set $escape (i64.const 0))
    (global.set $first (i64.const 0))
    (global.set $likely (i64.const 0))
    (global.set $opened (i32.const 0))
    (global.set $escapedU (i32.const 0)))

  ;; Looks at the first $length bytes of the window, a multiple of 64. Gives the index after the object, 0 when the
  ;; object goes on behind them, -1 when it is none.
  (func (export "scan") (param $length i32) (result i32)
    (local $at i32) (local $stop i32) (local $depth i32)
    (local $here i32) (local $byte i32) (local $start i32) (local $size i32) (local $kinds i32)
    (local $a v128) (local $b v128) (local $c v128) (local $d v128)
    (local $e v128) (local $f v128) (local $g v128) (local $h v128)
    (local $quote v128) (local $slash v128) (local $space v128) (local $open v128) (local $close v128)
    (local $letters v128) (local $nibbles v128) (local $low v128) (local $zero v128)
    (local $slashes i64) (local $quotes i64) (local $escapes i64) (local $us i64)
    (local $within i64) (local $outside i64) (local $openers i64)
    (local $wrong i64) (local $likely i64) (local $visit i64) (local $below i64) (local $x i64)
    (local.set $at (global.get $window))
    (local.set $stop (i32.add (local.get $at) (local.get $length)))
    (local.set $depth (global.get $depth))
    (local.set $quote (i8x16.splat (i32.const 34)))
    (local.set $slash (i8x16.splat (i32.const 92)))
    (local.set $space (i8x16.splat (i32.const 32)))
    (local.set $open (i8x16.splat (i32.const 123)))
    (local.set $close (i8x16.splat (i32.const 125)))
    (local.set $low (i8x16.splat (i32.const 15)))
    (local.set $letters (v128.load (i32.const 0)))
    (local.set $nibbles (v128.const i8x16 1 2 4 8 16 32 64 128 0 0 0 0 0 0 0 0))
    (loop $block
      (local.set $a (v128.load (local.get $at)))
      (local.set $b (v128.load offset=16 (local.get $at)))
      (local.set $c (v128.load offset=32 (local.get $at)))
      (local.set $d (v128.load offset=48 (local.get $at)))
      (local.set $e (i8x16.eq (local.get $a) (local.get $quote)))
      (local.set $f (i8x16.eq (local.get $b) (local.get $quote)))
      (local.set $g (i8x16.eq (local.get $c) (local.get $quote)))
      (local.set $h (i8x16.eq (local.get $d) (local.get $quote)))
      (local.set $quotes
        (i64.or
          (i64.or
            (i64.extend_i32_u (i8x16.bitmask (local.get $e)))
            (i64.shl (i64.extend_i32_u (i8x16.bitmask (local.get $f))) (i64.const 16)))
          (i64.or
            (i64.shl (i64.extend_i32_u (i8x16.bitmask (local.get $g))) (i64.const 32))
            (i64.shl (i64.extend_i32_u (i8x16.bitmask (local.get $h))) (i64.const 48)))))
      (local.set $e (i8x16.eq (local.get $a) (local.get $slash)))
      (local.set $f (i8x16.eq (local.get $b) (local.get $slash)))
      (local.set $g (i8x16.eq (local.get $c) (local.get $slash)))
      (local.set $h (i8x16.eq (local.get $d) (local.get $slash)))
      (local.set $slashes
        (i64.or
          (i64.or
            (i64.extend_i32_u (i8x16.bitmask (local.get $e)))
            (i64.shl (i64.extend_i32_u (i8x16.bitmask (local.get $f))) (i64.const 16)))
          (i64.or
            (i64.shl (i64.extend_i32_u (i8x16.bitmask (local.get $g))) (i64.const 32))
            (i64.shl (i64.extend_i32_u (i8x16.bitmask (local.get $h))) (i64.const 48)))))

      ;; The byte behind an odd run of backslashes is escaped; this is `find_escaped` of simdjson.
      (local.set $us (i64.const 0))
      (if (i64.ne (i64.or (local.get $slashes) (global.get $escape)) (i64.const 0))
        (then
          (local.set $x (i64.and (local.get $slashes) (i64.xor (global.get $escape) (i64.const -1))))
          (local.set $x
            (i64.xor
              (i64.sub
                (i64.or (i64.shl (local.get $x) (i64.const 1)) (i64.const 0xaaaaaaaaaaaaaaaa))
                (local.get $x))
              (i64.const 0xaaaaaaaaaaaaaaaa)))
          (local.set $escapes (i64.xor (local.get $x) (i64.or (local.get $slashes) (global.get $escape))))
          (global.set $escape (i64.shr_u (i64.and (local.get $x) (local.get $slashes)) (i64.const 63)))
          (local.set $quotes (i64.and (local.get $quotes) (i64.xor (local.get $escapes) (i64.const -1))))
          ;; An escaped `u` matters in a string that may still be short.
          (if
            (i32.or
              (i64.ne (local.get $quotes) (i64.const 0))
              (i32.le_u (i32.sub (local.get $at) (global.get $opened)) (global.get $longestDisguise)))
            (then
              (local.set $us
                (i64.and
                  (local.get $escapes)
                  (call $bits
                    (i8x16.eq (local.get $a) (i8x16.splat (i32.const 117)))
                    (i8x16.eq (local.get $b) (i8x16.splat (i32.const 117)))
                    (i8x16.eq (local.get $c) (i8x16.splat (i32.const 117)))
                    (i8x16.eq (local.get $d) (i8x16.splat (i32.const 117))))))))))

      ;; A byte is inside a string, or the quote that opens it, when the number of quotes up to it is odd.
      (local.set $within (global.get $within))
      (if (i64.ne (local.get $quotes) (i64.const 0))
        (then
          (local.set $x (i64.xor (local.get $quotes) (i64.shl (local.get $quotes) (i64.const 1))))
          (local.set $x (i64.xor (local.get $x) (i64.shl (local.get $x) (i64.const 2))))
          (local.set $x (i64.xor (local.get $x) (i64.shl (local.get $x) (i64.const 4))))
          (local.set $x (i64.xor (local.get $x) (i64.shl (local.get $x) (i64.const 8))))
          (local.set $x (i64.xor (local.get $x) (i64.shl (local.get $x) (i64.const 16))))
          (local.set $x (i64.xor (local.get $x) (i64.shl (local.get $x) (i64.const 32))))
          (local.set $within (i64.xor (local.get $within) (local.get $x)))
          (global.set $within (i64.shr_s (local.get $within) (i64.const 63)))))
      (local.set $outside (i64.xor (local.get $within) (i64.const -1)))
      (local.set $openers (i64.and (local.get $quotes) (local.get $within)))

      ;; JSON has no control character inside of strings, and no backslash outside, which would have misled the above.
      (local.set $wrong (i64.and (local.get $slashes) (local.get $outside)))
      (if
        (v128.any_true
          (i8x16.lt_u
            (i8x16.min_u
              (i8x16.min_u (local.get $a) (local.get $b))
              (i8x16.min_u (local.get $c) (local.get $d)))
            (local.get $space)))
        (then
          (local.set $wrong
            (i64.or
              (local.get $wrong)
              (i64.and
                (local.get $within)
                (call $bits
                  (i8x16.lt_u (local.get $a) (local.get $space))
                  (i8x16.lt_u (local.get $b) (local.get $space))
                  (i8x16.lt_u (local.get $c) (local.get $space))
                  (i8x16.lt_u (local.get $d) (local.get $space))))))))

      ;; A string may be a word when it begins like one or has an escaped `u`. Added to the ones of its string, either
      ;; bit carries over to the closing quote.
      (local.set $likely (i64.or (global.get $likely) (local.get $us)))
      (local.set $x (i64.or (global.get $first) (i64.shl (local.get $openers) (i64.const 1))))
      (global.set $first (i64.shr_u (local.get $openers) (i64.const 63)))
      (if (i64.ne (local.get $x) (i64.const 0))
        (then
          (local.set $e
            (i8x16.ne
              (local.get $zero)
              (v128.and
                (i8x16.swizzle (local.get $letters) (v128.and (local.get $a) (local.get $low)))
                (i8x16.swizzle (local.get $nibbles) (i8x16.shr_u (local.get $a) (i32.const 4))))))
          (local.set $f
            (i8x16.ne
              (local.get $zero)
              (v128.and
                (i8x16.swizzle (local.get $letters) (v128.and (local.get $b) (local.get $low)))
                (i8x16.swizzle (local.get $nibbles) (i8x16.shr_u (local.get $b) (i32.const 4))))))
          (local.set $g
            (i8x16.ne
              (local.get $zero)
              (v128.and
                (i8x16.swizzle (local.get $letters) (v128.and (local.get $c) (local.get $low)))
                (i8x16.swizzle (local.get $nibbles) (i8x16.shr_u (local.get $c) (i32.const 4))))))
          (local.set $h
            (i8x16.ne
              (local.get $zero)
              (v128.and
                (i8x16.swizzle (local.get $letters) (v128.and (local.get $d) (local.get $low)))
                (i8x16.swizzle (local.get $nibbles) (i8x16.shr_u (local.get $d) (i32.const 4))))))
          (local.set $likely
            (i64.or
              (local.get $likely)
              (i64.and
                (local.get $x)
                (i64.or
                  (i64.or
                    (i64.extend_i32_u (i8x16.bitmask (local.get $e)))
                    (i64.shl (i64.extend_i32_u (i8x16.bitmask (local.get $f))) (i64.const 16)))
                  (i64.or
                    (i64.shl (i64.extend_i32_u (i8x16.bitmask (local.get $g))) (i64.const 32))
                    (i64.shl (i64.extend_i32_u (i8x16.bitmask (local.get $h))) (i64.const 48)))))))))
      (local.set $x (i64.add (local.get $within) (local.get $likely)))
      (global.set $likely (i64.extend_i32_u (i64.lt_u (local.get $x) (local.get $within))))
      (local.set $visit (i64.and (local.get $x) (i64.and (local.get $quotes) (local.get $outside))))

      ;; `[` 91, `]` 93, `{` 123, `}` 125
      (if (i64.ne (local.get $outside) (i64.const 0))
        (then
          (local.set $a (v128.or (local.get $a) (local.get $space)))
          (local.set $e
            (v128.or (i8x16.eq (local.get $a) (local.get $open)) (i8x16.eq (local.get $a) (local.get $close))))
          (local.set $b (v128.or (local.get $b) (local.get $space)))
          (local.set $f
            (v128.or (i8x16.eq (local.get $b) (local.get $open)) (i8x16.eq (local.get $b) (local.get $close))))
          (local.set $c (v128.or (local.get $c) (local.get $space)))
          (local.set $g
            (v128.or (i8x16.eq (local.get $c) (local.get $open)) (i8x16.eq (local.get $c) (local.get $close))))
          (local.set $d (v128.or (local.get $d) (local.get $space)))
          (local.set $h
            (v128.or (i8x16.eq (local.get $d) (local.get $open)) (i8x16.eq (local.get $d) (local.get $close))))
          (local.set $visit
            (i64.or
              (local.get $visit)
              (i64.and
                (local.get $outside)
                (i64.or
                  (i64.or
                    (i64.extend_i32_u (i8x16.bitmask (local.get $e)))
                    (i64.shl (i64.extend_i32_u (i8x16.bitmask (local.get $f))) (i64.const 16)))
                  (i64.or
                    (i64.shl (i64.extend_i32_u (i8x16.bitmask (local.get $g))) (i64.const 32))
                    (i64.shl (i64.extend_i32_u (i8x16.bitmask (local.get $h))) (i64.const 48)))))))))

      (block $visited
        (loop $next
          (br_if $visited (i64.eqz (local.get $visit)))
          (local.set $here (i32.add (local.get $at) (i32.wrap_i64 (i64.ctz (local.get $visit)))))
          (local.set $below
            (i64.and (i64.xor (local.get $visit) (i64.const -1)) (i64.sub (local.get $visit) (i64.const 1))))
          (local.set $byte (i32.load8_u (local.get $here)))
          (if (i32.eq (local.get $byte) (i32.const 34))
            (then
              (local.set $x (i64.and (local.get $openers) (local.get $below)))
              (local.set $start
                (select
                  (i32.sub (i32.add (local.get $at) (i32.const 64)) (i32.wrap_i64 (i64.clz (local.get $x))))
                  (global.get $opened)
                  (i64.ne (local.get $x) (i64.const 0))))
              (local.set $size (i32.sub (local.get $here) (local.get $start)))
              (local.set $x (i64.and (local.get $us) (local.get $below)))
              (local.set $kinds (i32.const 0))
              (if
                (i32.gt_s
                  (select
                    (i32.sub (i32.add (local.get $at) (i32.const 64)) (i32.wrap_i64 (i64.clz (local.get $x))))
                    (global.get $escapedU)
                    (i64.ne (local.get $x) (i64.const 0)))
                  (local.get $start))
                (then
                  (if (i32.le_u (local.get $size) (global.get $longestDisguise))
                    (then (local.set $kinds (i32.const -1)))))
                (else
                  (if
                    (i32.and
                      (i32.le_u (local.get $size) (i32.const 30))
                      (i32.shr_u (global.get $lengths) (local.get $size)))
                    (then (local.set $kinds (call $kindOf (local.get $start) (local.get $size)))))))
              (global.set $found (i32.or (global.get $found) (local.get $kinds)))
              (if (i32.eq (local.get $depth) (i32.const 1))
                (then (global.set $foundAtTop (i32.or (global.get $foundAtTop) (local.get $kinds))))))
            (else
              (if (i32.and (local.get $byte) (i32.const 2))
                (then
                  (local.set $depth (i32.add (local.get $depth) (i32.const 1)))
                  (if (i32.gt_u (local.get $depth) (global.get $maxDepth)) (then (return (i32.const -1))))
                  (i32.store8
                    (i32.add (global.get $brackets) (local.get $depth))
                    (i32.add (local.get $byte) (i32.const 2))))
                (else
                  (if
                    (i32.ne
                      (i32.load8_u (i32.add (global.get $brackets) (local.get $depth)))
                      (local.get $byte))
                    (then (return (i32.const -1))))
                  (local.set $depth (i32.sub (local.get $depth) (i32.const 1)))
                  (if (i32.eqz (local.get $depth))
                    (then
                      (return
                        (select
                          (i32.add (i32.const 1) (i32.sub (local.get $here) (global.get $window)))
                          (i32.const -1)
                          (i64.eqz (i64.and (local.get $wrong) (local.get $below)))))))))))
          (local.set $visit (i64.and (local.get $visit) (i64.sub (local.get $visit) (i64.const 1))))
          (br $next)))

      (if (i64.ne (local.get $wrong) (i64.const 0)) (then (return (i32.const -1))))
      (if (i64.ne (local.get $openers) (i64.const 0))
        (then
          (global.set $opened
            (i32.sub (i32.add (local.get $at) (i32.const 64)) (i32.wrap_i64 (i64.clz (local.get $openers)))))))
      (if (i64.ne (local.get $us) (i64.const 0))
        (then
          (global.set $escapedU
            (i32.sub (i32.add (local.get $at) (i32.const 64)) (i32.wrap_i64 (i64.clz (local.get $us)))))))
      (local.set $at (i32.add (local.get $at) (i32.const 64)))
      (br_if $block (i32.lt_u (local.get $at) (local.get $stop))))

    ;; The next window follows this one; a word may begin at its end.
    (global.set $depth (local.get $depth))
    (global.set $opened (i32.sub (global.get $opened) (local.get $length)))
    (global.set $escapedU (i32.sub (global.get $escapedU) (local.get $length)))
    (v128.store offset=1024 (i32.const 0) (v128.load (i32.sub (local.get $stop) (i32.const 32))))
    (v128.store offset=1040 (i32.const 0) (v128.load (i32.sub (local.get $stop) (i32.const 16))))
    (i32.const 0))

  ;; The kind of a word, 0 when the string is none.
  (func $kindOf (param $start i32) (param $size i32) (result i32)
    (local $word i32) (local $ones i32)
    (local.set $ones (i32.sub (i32.shl (i32.const 1) (local.get $size)) (i32.const 1)))
    (local.set $word (global.get $words))
    (loop $next
      (if (i32.eqz (i32.load8_u offset=30 (local.get $word))) (then (return (i32.const 0))))
      (if
        (i32.and
          (i32.eq (local.get $size) (i32.load8_u offset=30 (local.get $word)))
          (i32.eq
            (local.get $ones)
            (i32.and
              (local.get $ones)
              (i32.or
                (i8x16.bitmask (i8x16.eq (v128.load (local.get $word)) (v128.load (local.get $start))))
                (i32.shl
                  (i8x16.bitmask
                    (i8x16.eq (v128.load offset=16 (local.get $word)) (v128.load offset=16 (local.get $start))))
                  (i32.const 16))))))
        (then (return (i32.load8_u offset=31 (local.get $word)))))
      (local.set $word (i32.add (local.get $word) (i32.const 32)))
      (br $next))
    (unreachable))

  ;; The top bits of 64 bytes, for what is rare: a call takes longer than the rest of a block.
  (func $bits (param $e v128) (param $f v128) (param $g v128) (param $h v128) (result i64)
    (i64.or
      (i64.or
        (i64.extend_i32_u (i8x16.bitmask (local.get $e)))
        (i64.shl (i64.extend_i32_u (i8x16.bitmask (local.get $f))) (i64.const 16)))
      (i64.or
        (i64.shl (i64.extend_i32_u (i8x16.bitmask (local.get $g))) (i64.const 32))
        (i64.shl (i64.extend_i32_u (i8x16.bitmask (local.get $h))) (i64.const 48))))))
