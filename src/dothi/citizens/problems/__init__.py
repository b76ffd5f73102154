"""Problems above reports: what lies behind several of them, suggested with reasons and confirmed by a person."""
