"use strict";

offerCopies();
openForPrint();
